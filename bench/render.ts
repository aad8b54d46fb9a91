/**
 * How long does `imagespec render` of one spec take, told against a Node process that does nothing?
 *
 * The program is the bundled one, as the package has it. The two take turns, so that whatever else the machine
 * does meets both; the first runs of each, which fill caches, do not count.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROUNDS = 25;
const WARM_UP = 3;
const GOAL_RATIO = 2;
const ROOT = join(import.meta.dirname, '..');

const folder = mkdtempSync(join(tmpdir(), 'imagespec-bench-'));
const nothing = join(folder, 'nothing.js');
writeFileSync(nothing, '');
const settings = join(folder, 'settings.yaml');
writeFileSync(settings, 'defaults: { registry: registry.example.com/team }\n');
const sample = join(ROOT, 'manifests/samples/hello.yaml');

function node(...args: string[]): number {
  const begun = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  return performance.now() - begun;
}

const CASES = {
  'a Node process that does nothing': [nothing],
  'imagespec render -f hello.yaml': [
    'dist/bin/imagespec.cjs',
    'render',
    ...['-f', sample, '--settings', settings],
  ],
};

try {
  const bundler = join(ROOT, 'node_modules/.bin/rolldown');
  const built = spawnSync(bundler, ['--config', 'rolldown.config.ts'], { cwd: ROOT });
  if (built.status !== 0) throw new Error(`no bundle: ${built.stderr}`);
  const times = new Map(Object.keys(CASES).map((name) => [name, [] as number[]]));
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) {
    for (const [name, args] of Object.entries(CASES)) {
      const time = node(...args);
      if (round >= WARM_UP) times.get(name)?.push(time);
    }
  }
  const at = (name: string, q: number) => {
    const sorted = (times.get(name) ?? []).toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
  };
  const [empty = '', render = ''] = Object.keys(CASES);
  console.log(`\n${ROUNDS} runs of each, taking turns, milliseconds`);
  console.table(
    [empty, render].map((name) => ({
      what: name,
      least: Math.round(at(name, 0)),
      median: Math.round(at(name, 0.5)),
      most: Math.round(at(name, 1)),
      'of the empty one (median)': (at(name, 0.5) / at(empty, 0.5)).toFixed(2),
    })),
  );
  if (at(render, 0.5) > GOAL_RATIO * at(empty, 0.5)) {
    console.error(`more than ${GOAL_RATIO} times the empty process`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
