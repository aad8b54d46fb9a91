/**
 * `npm test`: everything that must hold, from the style of the sources to images built on a real cluster.
 *
 * What a level needs is made first: nothing for the fast one, an API server and a registry for `control`,
 * the local cluster for `e2e`. A cluster that ran before goes on; one made here is removed at the end, and
 * nothing of it may be left.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { current, down, leftovers, up } from './cluster/cluster.ts';
import { installPackages, wayHere } from './cluster/prerequisites.ts';

const USAGE = `usage: npm test [-- [--fast | --level LEVEL ...] [FILTER ...]]

  --fast          style, types, generated files and the tests that need nothing (seconds)
  --level LEVEL   only the tests of fast, control, e2e or lifecycle; may be given more than once
                  (lifecycle removes the local cluster)
  FILTER          only test files whose path contains it

Without arguments: everything.`;

const LEVELS = ['fast', 'control', 'e2e', 'lifecycle'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fast: { type: 'boolean', default: false },
    level: { type: 'string', multiple: true },
    help: { type: 'boolean', short: 'h' },
  },
});
const unknown = values.level?.find((level) => !LEVELS.includes(level));
if (values.help || unknown !== undefined) {
  console.log(unknown === undefined ? USAGE : `${unknown} is no level.\n${USAGE}`);
  process.exit(unknown === undefined ? 0 : 2);
}
const levels = values.level ?? (values.fast ? ['fast'] : LEVELS);
const checks = values.level === undefined && positionals.length === 0;
const reports = mkdtempSync(join(tmpdir(), 'imagespec-test-'));
const totals = { passed: 0, failed: 0 };
let broken = false;

/** Runs one tool of node_modules; what it says goes to our own output. */
function tool(title: string, command: string, ...args: string[]): void {
  const begun = performance.now();
  console.log(`\n== ${title}`);
  // A log file is easier to read without colours.
  const env = process.stdout.isTTY ? process.env : { ...process.env, NO_COLOR: '1' };
  const { status } = spawnSync(join('node_modules/.bin', command), args, { stdio: 'inherit', env });
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(`== ${title}: ${status === 0 ? 'ok' : 'FAILED'} in ${seconds} s`);
  if (status !== 0) broken = true;
}

function tests(level: string): void {
  const report = join(reports, `${level}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  tool(
    `Tests: ${level}`,
    'vitest',
    'run',
    `--project=${level}`,
    '--passWithNoTests',
    ...reporters,
    ...positionals,
  );
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
    totals.passed += numPassedTests;
    totals.failed += numFailedTests;
  } catch {
    broken = true;
  }
}

if (checks) {
  tool('Style', 'biome', 'ci', '--error-on-warnings', '.');
  tool('Types', 'tsc', '--noEmit');
  tool('Generated files', 'node', 'scripts/generate.ts', '--check');
}
const mine = (await current()) === undefined;
if (levels.some((level) => level !== 'fast')) {
  try {
    // The registry of the control tests, servers of git, and skopeo, which reads our images as others do.
    if ((await wayHere()) === 'node') await installPackages(['git', 'openssh-server', 'skopeo']);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
for (const level of levels.filter((one) => one === 'fast' || one === 'control')) tests(level);
if (levels.includes('e2e')) {
  try {
    await up({ withoutOperator: true });
    tests('e2e');
  } catch (error) {
    console.error(`The cluster could not be started: ${error instanceof Error ? error.message : error}`);
    broken = true;
  }
}
if (levels.includes('lifecycle')) {
  if ((await current())?.kind === 'kind')
    console.log('\nTests of the single node are left out: this is kind.');
  else if (mine || values.level) tests('lifecycle');
  else console.log('\nTests of the cluster itself are left out: they would remove the one that ran before.');
}
if (mine && levels.some((one) => one === 'e2e' || one === 'lifecycle')) {
  await down();
  for (const left of await leftovers()) {
    console.error(`Left over after the cluster was removed: ${left}`);
    broken = true;
  }
}
rmSync(reports, { recursive: true, force: true });
console.log(`\n${totals.passed} passed, ${totals.failed} failed`);
process.exit(broken || totals.failed > 0 ? 1 : 0);
