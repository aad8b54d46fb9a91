/** BuildKit's own reader of Dockerfiles, as one process that answers one question after the other. */
import { spawn } from 'node:child_process';
import { dockerfileReader } from '../../scripts/cluster/parts.ts';
import { linesOf } from '../../src/kube/lines.ts';

/** What BuildKit takes a Dockerfile for; `test/cluster/go/dockerfile/main.go` says what each means. */
export interface Read {
  readonly error?: string;
  readonly syntax?: string;
  readonly escape: string;
  readonly heredocs: number;
  readonly warnings: number;
  readonly instructions: readonly Instruction[];
}

export interface Instruction {
  readonly name: string;
  readonly flags?: readonly string[];
  readonly words: readonly string[];
  readonly shell?: boolean;
}

const MAX_ANSWER = 16 * 1024 * 1024;

/** Needs Go, with which the program is compiled the first time. */
export async function startDockerfileReader() {
  const child = spawn(await dockerfileReader(), { stdio: ['pipe', 'pipe', 'inherit'] });
  const asked: { resolve(read: Read): void; reject(error: Error): void }[] = [];
  const answer = async () => {
    for await (const line of linesOf(child.stdout, MAX_ANSWER)) asked.shift()?.resolve(JSON.parse(line));
    for (const one of asked) one.reject(new Error('The reader of Dockerfiles ended'));
  };
  void answer().catch((error) => child.stdout.destroy(error));
  return {
    read: (dockerfile: string, args: Readonly<Record<string, string>>) =>
      new Promise<Read>((resolve, reject) => {
        asked.push({ resolve, reject });
        child.stdin.write(`${JSON.stringify({ dockerfile, args })}\n`);
      }),
    /** It ends when there is nothing more to read. */
    stop: () => child.stdin.end(),
  };
}
