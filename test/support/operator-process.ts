/** An operator as a process of this host. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Guarded, startGuarded } from './guarded.ts';

export interface OperatorProcess {
  readonly process: Guarded;
  /** What it said. */
  log(): Promise<string>;
}

/**
 * Starts it with the sources as they are; resolves when its first passes begin.
 *
 * @param folder where its settings and its log may lie
 */
export async function startOperator(
  folder: string,
  kubeconfig: string,
  settings: object,
): Promise<OperatorProcess> {
  const name = join(folder, randomBytes(4).toString('hex'));
  await writeFile(`${name}.yaml`, JSON.stringify(settings));
  const files = ['--settings', `${name}.yaml`, '--kubeconfig', kubeconfig];
  const program = startGuarded([process.execPath, 'src/main.ts', ...files, '--port', '0'], `${name}.log`);
  const log = () => readFile(`${name}.log`, 'utf8');
  const until = performance.now() + 60_000;
  while (performance.now() < until && !program.ended()) {
    const port = /"port":(\d+)/.exec(await log())?.[1];
    const answer = port && (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined));
    if (answer && answer.status === 200) return { process: program, log };
    await sleep(50);
  }
  await program.end();
  throw new Error(`The operator did not start:\n${await log()}`);
}
