/**
 * The pause image: the process that holds a pod's namespaces open. A few lines of Go, linked statically.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../cluster/run.ts';
import { keptImage } from './kept.ts';
import { layerFromEntries } from './layer.ts';

/** It ends when it is told to, and as a pod's first process it reaps the others' orphans. */
const PROGRAM = `package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
`;

/** The archive of the pause image. */
export async function pauseImage(): Promise<string> {
  return await keptImage({
    part: 'image-pause',
    about: { title: 'Making the pause image', usually: '10 s' },
    sources: ['pause.ts'],
    reference: 'imagespec.local/pause:3.10',
    config: { User: '65535:65535', Entrypoint: ['/pause'] },
    layers: async (work) => {
      await writeFile(join(work, 'pause.go'), PROGRAM);
      await run('go', ['build', '-trimpath', '-ldflags', '-s -w', 'pause.go'], {
        cwd: work,
        env: { CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' },
      });
      const entry = { name: 'pause', mode: 0o755, contents: await readFile(join(work, 'pause')) };
      return [await layerFromEntries([entry], join(work, 'layer.tar.gz'))];
    },
  });
}
