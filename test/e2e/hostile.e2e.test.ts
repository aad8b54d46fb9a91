// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what looks like a template is what is tested
/** Strings that mean something to a shell, a Dockerfile or a tool on the way: refused, or arriving as they were written. */
import { afterAll, beforeAll, expect } from 'vitest';
import { ANNOTATIONS } from '../../src/api/names.ts';
import {
  apply,
  conditionsOf,
  createNamespace,
  deleteNamespace,
  inRegistry,
  jobsIn,
  outputOf,
  RUN,
  reached,
  ready,
  show,
  test,
  type Written,
  withOperator,
} from '../support/e2e.ts';
import { TEXTS } from '../support/hostile.ts';

/** What is no text but a name or an amount: no text of the list above fits, and these do not either. */
const NAMES: readonly Written[] = [
  ...[
    'six; touch /pwned',
    'six && touch /pwned',
    'six | sh',
    'six > /pwned',
    'six `touch /pwned`',
    'six $(touch /pwned)',
  ],
  ...[
    '--index-url=https://example.com',
    '-e .',
    '-r /etc/passwd',
    '@/etc/passwd',
    '/etc/passwd',
    '../x',
    './x.whl',
  ],
  ...[
    'six --index-url=https://example.com',
    'six @ file:///etc/passwd',
    'six\n--no-index',
    'six\u2028--no-index',
    'six # x',
  ],
  ...[
    'six @ https://example.com/x --no-index',
    'six[a;b]',
    'six==1; extra == "$(id)"',
    "six'",
    'https://u:p@example.com/x',
  ],
].map((text) => ({ packages: [text] }));

const MORE_NAMES: readonly Written[] = [
  ...[
    'hello; touch /pwned',
    'hello world',
    '-o',
    '--allow-downgrades',
    '/pwned',
    './x.deb',
    'hello/stable',
    'hello-',
    'hel*',
  ].map((text) => ({ aptPackages: [text] })),
  ...['A=B', 'A B', '$A', 'A"', 'A\nRUN', 'IMAGESPEC_0', '${A}'].map((name) => ({
    env: [{ name, value: '' }],
  })),
  ...['a b', 'a"', 'a=b', 'a\nRUN', '$a', 'a\\'].map((name) => ({ labels: { [name]: '' } })),
  ...['python:3.11-slim AS x', 'scratch\nRUN touch /pwned', '${IMAGESPEC_UV}', 'a"b', '--platform=x a'].map(
    (baseImage) => ({
      baseImage,
    }),
  ),
  ...['/a b', '/$HOME', '/"', '/a\nRUN touch /pwned', '/\\'].map((workdir) => ({ workdir })),
  ...['0; id', 'root', '$UID', '0\nRUN'].map((user) => ({ user })),
  ...['{spec_hash}"', '{spec_hash} x', '$(id){spec_hash}', '{spec_hash}\n'].map((tagFormat) => ({
    tagFormat,
  })),
  ...['a;b', 'a/../b', 'a\nb', '$(id)'].map((name) => ({ name })),
  ...['a.io/$(id)', 'a.io/b;c', 'a.io/b\n', 'a.io@b', 'http://a.io'].map((registry) => ({ registry })),
];

/** As one word of a POSIX shell. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

const PRINT = `import json, os, sys
read = lambda path: open(path, 'rb').read().decode()
print(json.dumps({
    'env': {k.decode(): v.decode() for k, v in os.environb.items()},
    'args': [os.fsencode(arg).decode() for arg in sys.argv[1:]],
    'words': read('/srv/words').split('\\0')[:-1],
    'here': read('/srv/here'),
    'pwned': os.path.exists('/pwned'),
    'user': os.getuid(),
}))`;

withOperator('hostile text', () => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await createNamespace('hostile.e2e');
  });
  afterAll(async () => {
    await deleteNamespace(namespace);
  });

  test('arrives unchanged in variables, labels, entrypoint and commands', async () => {
    const here = TEXTS.filter((text) => text.length < 1000).join('\n');
    const spec = {
      name: `${RUN}/hostile`,
      user: '1000',
      env: TEXTS.map((value, index) => ({ name: `TEXT_${index}`, value })),
      labels: Object.fromEntries(
        TEXTS.slice(0, 64).map((value, index) => [`text.${index}`, value.slice(0, 4096)]),
      ),
      entrypoint: ['python3', '-c', PRINT, ...TEXTS.filter((text) => text.length <= 4096).slice(0, 61)],
      commands: [
        'cd /srv',
        ...TEXTS.slice(0, 40).map((text) => `printf '%s\\0' ${quoted(text)} >>words`),
        `cat >here <<'END OF FILE'\n${here}\nEND OF FILE`,
      ],
    };
    await apply(namespace, { hostile: spec });
    const { status } = await ready(namespace, 'hostile');

    const [job] = await jobsIn(namespace);
    const context = job?.spec?.template.metadata?.annotations?.[ANNOTATIONS.context] ?? '{}';
    const { dockerfile } = JSON.parse(context) as { dockerfile: string };
    const instructions = dockerfile.split('\n').map((line) => line.split(' ')[0]);
    const count = (wanted: string) => instructions.filter((word) => word === wanted).length;
    expect(['FROM', 'RUN', 'ENTRYPOINT', 'ENV', 'LABEL'].map(count)).toEqual([1, 1, 1, 1, 1]);

    const said = JSON.parse(await outputOf(namespace, status.resolvedImage ?? ''));
    expect(said.env).toMatchObject(Object.fromEntries(spec.env.map(({ name, value }) => [name, value])));
    expect(said.args).toEqual(spec.entrypoint.slice(3));
    expect(said.words).toEqual(TEXTS.slice(0, 40));
    expect(said.here).toBe(`${here}\n`);
    expect(said).toMatchObject({ pwned: false, user: 1000 });
    const { config } = await inRegistry(status.resolvedImage ?? '');
    expect(config.Labels).toMatchObject(spec.labels);
  });

  test('is refused where a name is wanted, by the API server or the operator, before there is a Job', async () => {
    const specs = [...NAMES, ...MORE_NAMES];
    const applied = await Promise.all(
      specs.map(async (spec, index) => {
        const name = `name-${index}`;
        return await apply(namespace, { [name]: spec }).then(
          () => name,
          () => undefined,
        );
      }),
    );
    const kept = applied.filter((name) => name !== undefined);
    // The server refuses what its rules can say; the rest is for the operator's own grammar of requirements.
    expect(kept.length).toBeLessThan(20);
    await Promise.all(
      kept.map(async (name) => {
        const shown = await reached(
          name,
          () => show(namespace, name),
          (seen) => conditionsOf(seen).current,
          20,
        );
        expect(conditionsOf(shown), JSON.stringify(shown.spec)).toMatchObject({
          reason: 'InvalidSpec',
          stalled: true,
        });
        expect(conditionsOf(shown).message).toMatch(/^spec\.packages\[0\]: /);
      }),
    );
    const owners = (await jobsIn(namespace)).flatMap(({ metadata }) => metadata?.ownerReferences ?? []);
    expect(owners.map(({ name }) => name)).toEqual(['hostile']);
  });
});
