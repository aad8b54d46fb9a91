// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what looks like a template is what is tested
/** Strings that mean something to a shell, a Dockerfile or a tool on the way: refused, or arriving as they were written. */
import { afterAll, beforeAll, expect } from 'vitest';
import { ANNOTATIONS } from '../../src/api/names.ts';
import { relativePath } from '../../src/api/spec/text.ts';
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
    'https://example.com/x\u2028--no-index',
    'six @ https://example.com/x\u0085--no-index',
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

const files = { source: { files: { a: 'b' } } };
const secretKeyRef = { name: 'a', key: 'b' };

/** Paths, addresses and versions, each for the tool that reads it. */
const PLACES: readonly Written[] = [
  ...['python3', '/usr/bin/python3 -I', '/usr/bin/$(id)', '/a\nRUN'].map((pythonExec) => ({ pythonExec })),
  ...['-n base', 'numpy; id', "numpy'", '$(id)', 'numpy\n--x', 'numpy`id`', 'six\u2028-c x'].map((one) => ({
    condaPackages: [one],
  })),
  ...['-c', '$(id)', 'file:///etc', 'https://h/a b', 'https://h/\u2028x', 'https://h/\u0085x'].map((one) => ({
    condaChannels: [one],
  })),
  ...['--no-index', 'file:///etc', 'https://h/ --no-index', 'https://h/$(id)', 'https://h/\u2029x'].map(
    (pipIndex) => ({ pipIndex }),
  ),
  ...['a\n--no-index', 'a\r', ''].map((one) => ({ pipExtraArgs: [one] })),
  ...['a b', '/a,target=/etc/passwd', '/a"b', '/', 'a', '/a\nRUN'].map((path) => ({
    pipSecretMounts: [{ secretKeyRef, path }],
  })),
  ...['/etc/passwd', '../x', 'a/../../b', 'a\nb', 'a\\b', 'a//b', ''].flatMap((path) => [
    { ...files, copy: [path] },
    { ...files, requirements: path },
    { ...files, sourceRoot: path },
    { source: { files: { [path]: '' } } },
  ]),
  ...[
    'ext::sh -c id',
    '--upload-pack=id',
    'file:///etc',
    '/etc',
    'http://h/a b',
    'http://h/a?x=$(id)',
    'ssh://-oProxyCommand=id/x',
    '-oProxyCommand=id:x',
    'git@h:-x',
  ].map((url) => ({ source: { git: { url } } })),
  ...['--upload-pack=id', '-x', 'a..b', 'a b', 'a@{1}', 'a\nb', '$(id)', 'main:x', '+x'].map((ref) => ({
    source: { git: { url: 'https://h/x', ref } },
  })),
  ...['HEAD', '0'.repeat(39), `-${'0'.repeat(39)}`].map((commit) => ({
    source: { git: { url: 'https://h/x', commit } },
  })),
  ...['a b', '-x', 'a\nRUN', '$(id)'].flatMap((image) => [
    { builderConfig: { uvImage: image } },
    { source: { oci: { image } } },
  ]),
  ...['12; id', '12\nRUN', '$(id)', '12.*'].map((cuda) => ({ cuda })),
];

/** As one word of a POSIX shell. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** What may be the end of a file's name. */
const fileName = (text: string) =>
  relativePath.safeParse(`a${text}`).success && !text.endsWith('/') && text.length < 200;

const PRINT = `import json, os, sys
read = lambda path: open(path, 'rb').read().decode()
def texts(folder):
    return [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
print(json.dumps({
    'env': {k.decode(): v.decode() for k, v in os.environb.items()},
    'args': [os.fsencode(arg).decode() for arg in sys.argv[1:]],
    'words': read('/srv/words').split('\\0')[:-1],
    'here': read('/srv/here'),
    'files': {path: read(path) for path in texts('files')},
    'pwned': os.path.exists('/pwned'),
    'user': os.getuid(),
}))`;

/** Each engine has its own ways to be given a value. */
const BUILDERS = ['buildkit', 'kaniko'];

withOperator('hostile text', () => {
  let namespace: string;
  beforeAll(async () => {
    namespace = await createNamespace('hostile.e2e');
  });
  afterAll(async () => {
    await deleteNamespace(namespace);
  });

  test.for(BUILDERS)(
    'arrives unchanged in variables, labels, entrypoint, commands and files: %s',
    async (builder) => {
      const here = TEXTS.filter((text) => text.length < 1000).join('\n');
      const files = Object.fromEntries(
        TEXTS.map((text, index) => [`files/${index} ${fileName(text) ? text : ''}`, text]),
      );
      const spec = {
        name: `${RUN}/hostile-${builder}`,
        builder,
        user: '1000',
        source: { files },
        copy: ['files'],
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
      await apply(namespace, { [builder]: spec });
      const { status } = await ready(namespace, builder, 240);

      const jobs = await jobsIn(namespace);
      const job = jobs.find(({ metadata }) => metadata?.name === status.build?.jobName);
      const context = job?.spec?.template.metadata?.annotations?.[ANNOTATIONS.context] ?? '{}';
      const { dockerfile } = JSON.parse(context) as { dockerfile: string };
      const instructions = dockerfile.split('\n').map((line) => line.split(' ')[0]);
      const count = (wanted: string) => instructions.filter((word) => word === wanted).length;
      expect(['FROM', 'RUN', 'COPY', 'ENTRYPOINT', 'ENV'].map(count)).toEqual([1, 1, 1, 1, 1]);

      const said = JSON.parse(await outputOf(namespace, status.resolvedImage ?? ''));
      expect(said.env).toMatchObject(Object.fromEntries(spec.env.map(({ name, value }) => [name, value])));
      expect(said.args).toEqual(spec.entrypoint.slice(3));
      expect(said.words).toEqual(TEXTS.slice(0, 40));
      expect(said.here).toBe(`${here}\n`);
      expect(said.files).toEqual(files);
      expect(said).toMatchObject({ pwned: false, user: 1000 });
      const { config } = await inRegistry(status.resolvedImage ?? '');
      expect(config.Labels).toMatchObject(spec.labels);
    },
  );

  test('is refused where a name is wanted, by the API server or the operator, before there is a Job', async () => {
    const specs = [...NAMES, ...MORE_NAMES, ...PLACES];
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
    expect(owners.map(({ name }) => name).sort()).toEqual([...BUILDERS].sort());
  });
});
