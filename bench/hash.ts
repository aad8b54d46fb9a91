/**
 * How long does it take to hash 10,000 ImageSpecs, and how much of it is more than writing them down?
 *
 * Pure: no cluster. The baseline, in the same run and over the same specs, is `JSON.stringify` and one sha256, which
 * is the least that any hash of a spec costs. Ours also checks every field, fills in defaults, brings lists and
 * requirements into their normal form and sorts the keys.
 */
import { createHash } from 'node:crypto';
import { readSpec, targetFrom } from '../src/image/target.ts';
import { settingsSchema } from '../src/settings.ts';

const SPECS = 10_000;
const ROUNDS = 5;
const GOAL_SECONDS = 2;

const settings = settingsSchema.parse({ defaults: { registry: 'registry.example.com/team' } });

/** Specs of an ordinary size, no two the same. */
const specs = Array.from({ length: SPECS }, (_, index) => ({
  pythonVersion: `3.${9 + (index % 5)}`,
  packages: [
    'requests',
    `Pydantic >=2.${index % 10}, <3`,
    'pandas[Excel,aws]==2.2.3',
    `pkg_${index} ~= 1.0 ; python_version < "3.13"`,
    'scikit-learn',
  ],
  aptPackages: ['libgomp1', 'git'],
  env: [
    { name: 'INDEX', value: String(index) },
    { name: 'GREETING', value: 'hello "world", $HOME stays' },
  ],
  commands: ['echo made > /made'],
  labels: { team: `team-${index % 100}` },
  entrypoint: ['python', '-m', 'app'],
}));

/** The median of some rounds, in seconds, after one that warms up. */
function seconds(work: () => void): number {
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const begun = performance.now();
    work();
    if (round > 0) times.push((performance.now() - begun) / 1000);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
}

const read = specs.map((spec) => {
  const found = readSpec({ spec } as unknown as Parameters<typeof readSpec>[0]);
  if (!found.ok) throw new Error(JSON.stringify(found.problems));
  return found.spec;
});

const baseline = seconds(() => {
  for (const spec of specs) createHash('sha256').update(JSON.stringify(spec)).digest('hex');
});
const hashed = seconds(() => {
  const hashes = new Set<string>();
  for (const [index, spec] of read.entries()) {
    const judged = targetFrom(`spec-${index}`, spec, settings, {});
    if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
    hashes.add(judged.target.specHash);
  }
  if (hashes.size !== SPECS) throw new Error(`${SPECS} specs have ${hashes.size} hashes`);
});
const whole = seconds(() => {
  for (const spec of specs) readSpec({ spec } as unknown as Parameters<typeof readSpec>[0]);
});

const row = (what: string, time: number) => ({
  what,
  seconds: Number(time.toFixed(3)),
  'of the baseline': `${(time / baseline).toFixed(1)}x`,
});
console.log(`\n${SPECS} specs, median of ${ROUNDS} rounds`);
console.table([
  row('JSON.stringify and sha256 (baseline)', baseline),
  row('defaults, normal form, hash and image name', hashed),
  row('reading and checking what the user wrote', whole),
  row('both of ours', hashed + whole),
]);
if (hashed + whole > GOAL_SECONDS) {
  console.error(`more than ${GOAL_SECONDS} s`);
  process.exitCode = 1;
}
