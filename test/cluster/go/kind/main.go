// Command kind reads a kind configuration the way `kind create cluster` does, and prints what it says.
//
// The loader is internal to kind: only packages below its own path may import it, hence the name of this
// module. Nothing is created; no Docker is needed.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"sigs.k8s.io/kind/pkg/internal/apis/config/encoding"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: kind FILE")
		os.Exit(2)
	}
	cluster, err := encoding.Load(os.Args[1])
	if err == nil {
		err = cluster.Validate()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	json.NewEncoder(os.Stdout).Encode(cluster)
}
