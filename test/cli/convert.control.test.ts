/** `imagespec convert --profile Flytekit` against the flytekit of PyPI, which reads the same YAML: the same name, or refused. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { parseDocument } from 'yaml';
import { run } from '../../scripts/cluster/run.ts';
import { convert } from '../../src/cli/convert.ts';
import { failed, printed } from '../../src/cli/findings.ts';
import { render } from '../../src/cli/render.ts';
import { parseReference, printReference } from '../../src/image/reference.ts';
import { flytekitPython, type Oracle, startOracle } from '../image/flytekit/oracle.ts';
import { FILES, representable } from '../image/flytekit/representable.ts';
import { layOut } from '../image/flytekit/tree.ts';
import { asYaml } from '../support/flytekit-yaml.ts';
import { settings } from '../support/objects.ts';

let flytekit: Oracle;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'imagespec-convert-'));
  layOut(folder, FILES);
  flytekit = await startOracle();
}, 300_000);
afterAll(async () => {
  await flytekit.end();
  rmSync(folder, { recursive: true });
});

/** The name of the converted image, or the words of the refusal. */
function converted(text: string): { image: string } | { refused: string } {
  const { findings, text: made } = convert({ file: 'a.yaml', text }, { profile: 'Flytekit', root: folder });
  if (failed(findings)) return { refused: findings.map(printed).join('\n') };
  const options = parseDocument(made).getIn(['spec', 'builderOptions']);
  // No builder takes options that nobody knows; their part of the name is another test's.
  if (options !== undefined) return { refused: 'options of the builder' };
  const { rendered, findings: more } = render({ file: 'made.yaml', text: made }, settings);
  return { image: rendered[0]?.image ?? more.map(printed).join('\n') };
}

/** flytekit's; undefined where it does not take the file either. */
async function theirs(text: string): Promise<string | undefined> {
  const answer = await flytekit.askYaml(text, folder);
  if ('error' in answer) return undefined;
  return printReference(parseReference(answer.imageName) ?? { host: '', repository: answer.imageName });
}

test('300 files that both can say have the name that flytekit gives them', async () => {
  let same = 0;
  await fc.assert(
    fc.asyncProperty(representable, async ({ given }) => {
      const text = asYaml(given);
      const ours = converted(text);
      if ('refused' in ours) return;
      const other = await theirs(text);
      if (other === undefined) return;
      expect(ours.image, text).toBe(other);
      same += 1;
    }),
    { numRuns: 300 },
  );
  expect(same).toBeGreaterThan(100);
}, 300_000);

test('an image in Python is written as YAML, and has its name, by the lines of docs/flytekit.md', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/flytekit.md'), 'utf8');
  const [image = '', dump = ''] = [...page.matchAll(/```python\n(.*?)```/gs)].map(([, code]) => code);
  const own = mkdtempSync(join(tmpdir(), 'imagespec-python-'));
  writeFileSync(
    join(own, 'workflow.py'),
    `from flytekit import ImageSpec\n${image}print(image.image_name())\n`,
  );
  writeFileSync(join(own, 'dump.py'), dump);
  const python = await flytekitPython();
  const name = await run(python, ['workflow.py'], { cwd: own });
  const { stdout } = await run(python, ['dump.py'], { cwd: own });
  rmSync(own, { recursive: true });
  expect(converted(stdout.replace(name.stdout, ''))).toEqual({ image: name.stdout.trim() });
}, 60_000);

test('kubectl reads what was converted as it was meant', async () => {
  const { kubeconfig, kubectl } = inject('controlPlane');
  const cluster = (args: string[], input?: string) =>
    run(kubectl, ['--kubeconfig', kubeconfig, ...args], input === undefined ? {} : { input });
  const texts = fc.sample(representable, 200).map(({ given }, index) => {
    const options = { profile: 'Flytekit', root: folder, name: `set-${index}` } as const;
    return convert({ file: 'a.yaml', text: asYaml(given) }, options).text;
  });
  const made = texts.filter((text) => text !== '');
  expect(made.length).toBeGreaterThan(80);
  const { stdout } = await cluster(
    ['apply', '--dry-run=server', '--output=json', '-f', '-'],
    made.join('---\n'),
  );
  const { items } = JSON.parse(stdout) as { items: { spec: object }[] };
  const meant = made.map((text) => (parseDocument(text, { version: '1.1' }).toJS() as { spec: object }).spec);
  expect(items.map(({ spec }) => spec)).toMatchObject(meant);
}, 120_000);

/** What YAML, Python and JavaScript may take for something else. */
const SCALARS = [
  ...[
    '3.10',
    '3.0',
    '1e3',
    '1.5e3',
    '.5',
    '+1',
    '-0',
    '0',
    '007',
    '0o7',
    '0x1f',
    '0b11',
    '1_000',
    '12:30',
    '1:2:3',
  ],
  ...[
    'yes',
    'No',
    'on',
    'y',
    'N',
    'true',
    '~',
    'null',
    'Null',
    '2026-01-02',
    '2026-01-02 03:04:05',
    '=',
    '<<',
  ],
  ...[
    '.inf',
    '.NaN',
    '9007199254740993',
    '1e400',
    'plain',
    "'quoted'",
    '"quoted"',
    '"\\u00e9\\x41"',
    "it's",
    '!!str 3',
  ],
  ...['{}', '[]', '[a]', '{a: b}', '&a x', '|\n  two\n  lines\n', '>-\n  folded\n  lines\n', ''],
];
const FIELDS = [
  'python_version',
  'cuda',
  'name',
  'pip_index',
  'base_image',
  'tag_format',
  'pip_extra_args',
  'platform',
  'python_exec',
  'requirements',
  'entrypoint',
  'builder_options',
  'env',
  'packages',
  'registry',
  'conda_channels',
];

test('a scalar that may be read in several ways gives the name that flytekit gives, or is refused', async () => {
  const differ: string[] = [];
  let same = 0;
  for (const field of FIELDS) {
    for (const scalar of SCALARS) {
      const value =
        field === 'env'
          ? `\n  A: ${scalar}`
          : ['packages', 'conda_channels'].includes(field)
            ? `\n  - ${scalar}`
            : scalar;
      const text = `${field === 'registry' ? '' : 'registry: a.io/b\n'}${field}: ${value.replaceAll('\n  two', '\n    two').replaceAll('\n  lines', '\n    lines').replaceAll('\n  folded', '\n    folded')}\n`;
      const ours = converted(text);
      if ('refused' in ours) continue;
      const other = await theirs(text);
      if (ours.image === other) same += 1;
      else if (other !== undefined) differ.push(`${text} ours ${ours.image}, theirs ${other}`);
    }
  }
  expect(differ).toEqual([]);
  expect(same).toBeGreaterThan(50);
}, 300_000);
