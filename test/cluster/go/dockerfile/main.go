// Command dockerfile reads Dockerfiles with BuildKit's own parser and says what it takes them for.
//
// Standard input has one request a line, standard output one answer each, in JSON. Variables are put in as a build
// would: arguments from the request, those that ENV sets, and a PATH of the base image's.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

type request struct {
	Dockerfile string            `json:"dockerfile"`
	Args       map[string]string `json:"args"`
}

type answer struct {
	// Why a build would refuse it; nothing else is set then.
	Error string `json:"error,omitempty"`
	// The frontend that a `# syntax=` line asks for.
	Syntax   string `json:"syntax,omitempty"`
	Escape   string `json:"escape"`
	Heredocs int    `json:"heredocs"`
	Warnings int    `json:"warnings"`
	// Instructions in order, those before the first FROM too.
	Instructions []instruction `json:"instructions"`
}

type instruction struct {
	Name  string   `json:"name"`
	Flags []string `json:"flags,omitempty"`
	// Names and values in turn for ARG, ENV and LABEL; else its words. Variables are put in where a build does it.
	Words []string `json:"words"`
	// Its words are one line for a shell.
	Shell bool `json:"shell,omitempty"`
}

type environment map[string]string

func (e environment) Get(name string) (string, bool) {
	value, found := e[name]
	return value, found
}

func (e environment) Keys() []string {
	return slices.Sorted(maps.Keys(e))
}

func read(asked request) (answer, error) {
	ast, err := parser.Parse(strings.NewReader(asked.Dockerfile))
	if err != nil {
		return answer{}, err
	}
	stages, outer, err := instructions.Parse(ast.AST, nil)
	if err != nil {
		return answer{}, err
	}
	syntax, _, _, _ := parser.DetectSyntax([]byte(asked.Dockerfile))
	said := answer{Syntax: syntax, Escape: string(ast.EscapeToken), Warnings: len(ast.Warnings)}
	for _, node := range ast.AST.Children {
		said.Heredocs += len(node.Heredocs)
	}

	lex := shell.NewLex(ast.EscapeToken)
	in := func(env environment) instructions.SingleWordExpander {
		return func(word string) (string, error) {
			result, _, err := lex.ProcessWord(word, env)
			return result, err
		}
	}
	// An argument's value: the one handed over, else its default, else the one from before the first FROM.
	declare := func(command *instructions.ArgCommand, env, inherited environment) (instruction, error) {
		found := instruction{Name: "ARG"}
		for _, argument := range command.Args {
			value, known := asked.Args[argument.Key]
			if !known && argument.Value != nil {
				known = true
				if value, err = in(env)(*argument.Value); err != nil {
					return found, err
				}
			} else if !known {
				value, known = inherited[argument.Key]
			}
			if known {
				env[argument.Key] = value
			}
			found.Words = append(found.Words, argument.Key, value)
		}
		return found, nil
	}

	outside := environment{}
	for _, command := range outer {
		found, err := declare(&command, outside, nil)
		if err != nil {
			return answer{}, err
		}
		said.Instructions = append(said.Instructions, found)
	}
	for _, stage := range stages {
		base, err := in(outside)(stage.BaseName)
		if err != nil {
			return answer{}, err
		}
		from := instruction{Name: "FROM", Words: []string{base, stage.Name, stage.Platform}}
		said.Instructions = append(said.Instructions, from)
		env := environment{"PATH": "/usr/bin:/bin"}
		for _, command := range stage.Commands {
			if argument, is := command.(*instructions.ArgCommand); is {
				found, err := declare(argument, env, outside)
				if err != nil {
					return answer{}, err
				}
				said.Instructions = append(said.Instructions, found)
				continue
			}
			if expanding, does := command.(instructions.SupportsSingleWordExpansion); does {
				if err := expanding.Expand(in(env)); err != nil {
					return answer{}, err
				}
			}
			found, err := wordsOf(command)
			if err != nil {
				return answer{}, err
			}
			if set, is := command.(*instructions.EnvCommand); is {
				for _, pair := range set.Env {
					env[pair.Key] = pair.Value
				}
			}
			said.Instructions = append(said.Instructions, found)
		}
	}
	return said, nil
}

func wordsOf(command instructions.Command) (instruction, error) {
	found := instruction{Name: strings.ToUpper(command.Name())}
	pairs := func(list instructions.KeyValuePairs) {
		for _, pair := range list {
			found.Words = append(found.Words, pair.Key, pair.Value)
		}
	}
	line := func(words instructions.ShellDependantCmdLine) {
		found.Words, found.Shell = append([]string{}, words.CmdLine...), words.PrependShell
	}
	switch c := command.(type) {
	case *instructions.EnvCommand:
		pairs(c.Env)
	case *instructions.LabelCommand:
		pairs(c.Labels)
	case *instructions.RunCommand:
		line(c.ShellDependantCmdLine)
		for _, mount := range instructions.GetMounts(c) {
			text, err := json.Marshal(mount)
			if err != nil {
				return found, err
			}
			found.Flags = append(found.Flags, string(text))
		}
	case *instructions.EntrypointCommand:
		line(c.ShellDependantCmdLine)
	case *instructions.CmdCommand:
		line(c.ShellDependantCmdLine)
	case *instructions.CopyCommand:
		found.Words = append(c.SourcePaths, c.DestPath)
		found.Flags = []string{c.From, c.Chown, c.Chmod, fmt.Sprint(c.Link, c.Parents, c.ExcludePatterns)}
	case *instructions.UserCommand:
		found.Words = []string{c.User}
	case *instructions.WorkdirCommand:
		found.Words = []string{c.Path}
	default:
		return found, fmt.Errorf("a recipe has no %s", found.Name)
	}
	return found, nil
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return
		}
		var asked request
		if err == nil {
			err = json.Unmarshal(line, &asked)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		said, err := read(asked)
		if err != nil {
			said = answer{Error: err.Error()}
		}
		if err := out.Encode(said); err != nil {
			os.Exit(1)
		}
	}
}
