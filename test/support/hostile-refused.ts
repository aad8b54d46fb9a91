// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what looks like a template is what is tested
/** Fields that are no text but a name, an amount or a place, written as an attacker would write them. */

type Refused = Readonly<Record<string, unknown>>;

/** Not one of the hostile texts fits either. */
const NAMES: readonly Refused[] = [
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

const MORE_NAMES: readonly Refused[] = [
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
const PLACES: readonly Refused[] = [
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

/** Each is to be refused before there is a Job. */
export const REFUSED: readonly Refused[] = [...NAMES, ...MORE_NAMES, ...PLACES];
