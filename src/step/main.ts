/**
 * The program inside our pods: `prepare` before the engine and `verify` after it, `look` and `index` alone; `build` where
 * the engine runs elsewhere.
 *
 * It runs with the tenant's secrets and without any Kubernetes permission. Whatever it has to say ends up
 * in the termination message, as JSON that the operator parses as untrusted.
 */
import { writeFileSync } from 'node:fs';
import { build } from './client.ts';
import { failureOf } from './failure.ts';
import { imageIndex } from './image-index.ts';
import { look } from './look.ts';
import { prepare } from './prepare.ts';
import { verify } from './verify.ts';

const TERMINATION_LOG = '/dev/termination-log';

const STEPS = { prepare, build, verify, look, index: imageIndex } as const;

async function main(): Promise<void> {
  const step = STEPS[process.argv[2] as keyof typeof STEPS];
  if (!step) {
    console.error(`usage: step ${Object.keys(STEPS).join(' | ')}`);
    process.exit(2);
  }
  const told = await step();
  if (told !== undefined) tell(JSON.stringify(told));
}

function tell(message: string): void {
  console.log(message);
  writeFileSync(TERMINATION_LOG, message);
}

main().catch((error: unknown) => {
  tell(JSON.stringify(failureOf(error)));
  process.exit(1);
});
