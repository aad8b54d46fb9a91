import { describe, expect, test } from 'vitest';
import { requirementsKind } from '../../src/image/inputs.ts';
import { readRequirements } from '../../src/image/requirement-files.ts';
import { file, link, tree } from '../support/tree.ts';

type Files = Readonly<Record<string, string>>;

function read(files: Files, path: string) {
  const found = readRequirements(tree(files), path);
  if (!found.ok) throw new Error(found.messages.join('\n'));
  const { requirements } = found;
  return { ...requirements, files: [...requirements.files.keys()].sort() };
}

function refused(files: Files, path = 'requirements.txt'): string[] {
  const found = readRequirements(tree(files), path);
  return found.ok ? [] : [...found.messages];
}

test.each([
  ['requirements.txt', 'requirements.txt'],
  ['a/b/requirements-dev.txt', 'requirements.txt'],
  ['dev.txt', 'requirements.txt'],
  ['uv.lock', 'uv.lock'],
  ['a/poetry.lock', 'poetry.lock'],
  ['pylock.toml', 'pylock.toml'],
  ['pylock.gpu.toml', 'pylock.toml'],
  ['pyproject.toml', 'pyproject.toml'],
  ['pylock.a.b.toml', undefined],
  ['Pipfile.lock', undefined],
  ['uv.lock/x', undefined],
])('%s is %s by its name', (path, kind) => expect(requirementsKind(path)).toBe(kind));

describe('requirements.txt', () => {
  test('with all it refers to, once each, also in a circle', () => {
    const files = {
      'req/requirements.txt':
        '-r base.txt\n-c ../constraints.txt # pinned\n--requirement=extra/more.txt\nrequests',
      'req/base.txt': '-rrequirements.txt\nFlyteKit[x]>=1 ; python_version < "3.12"\n',
      'req/extra/more.txt':
        '\ufeff--constraint "../../constraints.txt"\r\nnumpy \\\r\n  --hash=sha256:00 \\\r\n # comment\r\npandas',
      'constraints.txt': 'urllib3<2',
      'unrelated.txt': '',
    };
    expect(read(files, 'req/requirements.txt')).toEqual({
      kind: 'requirements.txt',
      main: 'req/requirements.txt',
      files: ['constraints.txt', 'req/base.txt', 'req/extra/more.txt', 'req/requirements.txt'],
      namesFlytekit: true,
    });
  });

  test('that is a link keeps its own name', () => {
    const linked = tree({ 'deps/base.txt': 'requests' }, link('requirements.txt', 'deps/base.txt'));
    const found = readRequirements(linked, 'requirements.txt');
    expect(found.ok && [...found.requirements.files.keys()]).toEqual(['requirements.txt']);
  });

  test.each([
    'requests==2.32.3 --hash=sha256:aa',
    'pkg @ https://host/pkg-1.0-py3-none-any.whl',
    'pkg[extra] @ git+https://host/pkg@main#subdirectory=a/b',
    'git+ssh://git@host/pkg',
    'https://host/pkg-1.0.tar.gz',
    '-e git+https://host/pkg#egg=pkg',
    '--index-url https://host/simple',
    '-i https://host/simple',
    '--find-links https://host/wheels',
    '--pre',
    'requests ; platform_version == "./a"',
    '# -r https://host/more.txt',
  ])('may say %s', (line) => expect(refused({ 'requirements.txt': line })).toEqual([]));

  test.each([
    [
      '-r https://host/more.txt',
      /line 1: https:\/\/host\/more\.txt is not a file of the source; put its content into one/,
    ],
    ['-c file:///etc/passwd', /is not a file of the source/],
    ['-r /etc/requirements.txt', /\/etc\/requirements\.txt is outside the source; name a file of the source/],
    ['-r ../more.txt', /\.\.\/more\.txt is outside the source/],
    ['-r a/../../more.txt', /is outside the source/],
    ['-r', /nothing is not a path/],
    ['-r a\u2028b.txt', /a\?b\.txt is not a path that can be read/],
    ['-r a.txt -r b.txt', /write one file a line/],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: pip would expand it
    ['-r ${HOME}/a.txt', /without spaces, quotes and \$/],
    ['-r gone.txt', /the source has no gone\.txt, which requirements\.txt line 1 names/],
    ['-r folder', /folder is a folder; name the file in it, which/],
    [
      '-e .',
      /line 1: -e \. installs a folder, and there are none yet; take it out and name the code in spec\.copy/,
    ],
    ['--editable=./pkg', /installs a folder/],
    ['-e file:///src', /installs a folder/],
    ['./pkg', /line 1: \.\/pkg is a package in a folder, .* write name==version, name @ https/],
    ['pkg/', /is a package in a folder/],
    ['.', /is a package in a folder/],
    ['pkg-1.0-py3-none-any.whl', /is a package in a folder/],
    ['pkg @ file:///pkg', /is a package in a folder/],
    ['pkg @ ../pkg ; python_version > "3"', /is a package in a folder/],
    ['file:./pkg', /is a package in a folder/],
    ['git+file:///pkg', /is a package in a folder/],
    ['--find-links ./wheels', /names a folder, and there are none yet; write the URL/],
    ['\n\nrequests \\\n\n-e .', /line 5: -e \./],
  ])('may not say %j', (line, expected) => {
    expect(refused({ 'requirements.txt': line, 'folder/x': '' })[0]).toMatch(expected);
  });

  test('is text', () => {
    const bytes = new Uint8Array([0xff, 0xfe, 0x41]);
    const binary = tree(
      {},
      { ...file('requirements.txt'), kind: 'file', size: 3, content: () => [bytes], executable: false },
    );
    expect(readRequirements(binary, 'requirements.txt')).toEqual({
      ok: false,
      messages: ['requirements.txt is not UTF-8 text; save it as UTF-8 (> of PowerShell writes UTF-16)'],
    });
  });

  test('is bounded, with all its files', () => {
    const many = Object.fromEntries(
      Array.from({ length: 80 }, (_, n) => [n === 0 ? 'requirements.txt' : `${n}.txt`, `-r ${n + 1}.txt`]),
    );
    expect(refused(many)).toEqual(['at most 64 files of requirements are read']);
    expect(refused({ 'requirements.txt': 'a'.repeat(8 * 1024 * 1024 + 1) })[0]).toMatch(/may have 8 MiB$/);
    expect(refused({ 'requirements.txt': '-e .\n'.repeat(1000) })).toHaveLength(10);
  });

  // As long as a ConfigMap may be: the operator reads it between two reconciles of others.
  const long = (begin: string, piece: string, end: string) =>
    begin + piece.repeat(1_000_000 / piece.length) + end;
  test.each([
    ['an include', long('-r', ' ', 'x\u2028x')],
    ['a folder to install', long('-e', ' ', 'x\u2028x')],
    ['a page of files', long('--find-links ', ' ', 'x\u2028x')],
    ['a name and spaces', long('a', ' ', 'b')],
    ['a name, extras and spaces', long('a[b]', ' ', 'b')],
    ['spaces before a marker', long('a', ' ', '; b')],
    ['comments', long('a', ' #', '\u2028')],
    ['options', long('a', ' --b', '')],
    ['lines that go on', long('', '\\\n', 'a')],
  ])('is read at once: %s', (_, text) => {
    const begun = performance.now();
    readRequirements(tree({ 'requirements.txt': text }), 'requirements.txt');
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  test.each([
    ['a dotted key', `a${'.a'.repeat(500_000)} = 1`],
    ['the name of a table', `[a${'.a'.repeat(500_000)}]`],
    ['a key of an inline table', `a = { a${'.a'.repeat(500_000)} = 1 }`],
    ['many dotted keys', `a${'.a'.repeat(4999)} = 1\n`.repeat(100)],
    ['a number', `a = ${'1'.repeat(1_000_000)}`],
  ])('of TOML is read at once: %s', (_, text) => {
    const begun = performance.now();
    readRequirements(tree({ 'pyproject.toml': text }), 'pyproject.toml');
    expect(performance.now() - begun).toBeLessThan(2000);
  });
});

const PYPROJECT = '[project]\nname = "app"\nversion = "1"\ndependencies = ["requests", "Flytekit>=1"]\n';
const UV_LOCK = `version = 1
[[package]]
name = "app"
version = "1"
source = { editable = "." }
[[package]]
name = "requests"
version = "2.32.3"
source = { registry = "https://pypi.example.com/simple" }
`;
const POETRY_LOCK = `[[package]]
name = "flytekit"
version = "1"
[metadata]
lock-version = "2.1"
`;
const PYLOCK = `lock-version = "1.0"
[[packages]]
name = "requests"
version = "1"
[[packages.wheels]]
url = "https://host/requests.whl"
[packages.wheels.hashes]
sha256 = "00"
`;

describe('locks and pyproject.toml', () => {
  test.each([
    [
      'a/uv.lock',
      { 'a/uv.lock': UV_LOCK, 'a/pyproject.toml': PYPROJECT },
      ['a/pyproject.toml', 'a/uv.lock'],
      false,
    ],
    [
      'uv.lock',
      { 'uv.lock': UV_LOCK, 'pyproject.toml': PYPROJECT, 'uv.toml': '' },
      ['pyproject.toml', 'uv.lock', 'uv.toml'],
      false,
    ],
    [
      'poetry.lock',
      { 'poetry.lock': POETRY_LOCK, 'pyproject.toml': PYPROJECT },
      ['poetry.lock', 'pyproject.toml'],
      true,
    ],
    ['pylock.toml', { 'pylock.toml': PYLOCK, 'pyproject.toml': PYPROJECT }, ['pylock.toml'], false],
    ['pyproject.toml', { 'pyproject.toml': PYPROJECT }, ['pyproject.toml'], true],
  ])('%s is read with what it needs', (path, files, wanted, namesFlytekit) => {
    expect(read(files, path)).toMatchObject({ files: wanted, namesFlytekit });
  });

  const withPyproject = (name: string, text: string): [string, Files] => [
    name,
    { [name]: text, ...(name === 'pyproject.toml' ? {} : { 'pyproject.toml': PYPROJECT }) },
  ];
  test.each<[string, [string, Files], RegExp]>([
    [
      'uv.lock alone',
      ['uv.lock', { 'uv.lock': UV_LOCK }],
      /^the source has no pyproject\.toml, which uv\.lock needs beside it$/,
    ],
    [
      'poetry.lock alone',
      ['a/poetry.lock', { 'a/poetry.lock': POETRY_LOCK, 'pyproject.toml': '' }],
      /no a\/pyproject\.toml, which poetry\.lock needs/,
    ],
    [
      'no lock at all',
      withPyproject('uv.lock', 'a = 1'),
      /^uv\.lock: not a lock file that can be read; make it anew with uv lock$/,
    ],
    ['no TOML', withPyproject('poetry.lock', '[['), /^poetry\.lock: not TOML that can be read/],
    [
      'a sibling',
      withPyproject('uv.lock', UV_LOCK.replace('"."', '"../lib"')),
      /^uv\.lock: app: a package in a folder, .* then lock anew with uv lock$/,
    ],
    [
      'a folder of wheels',
      withPyproject('uv.lock', UV_LOCK.replace('https://pypi.example.com/simple', 'wheels')),
      /requests: a package in a folder/,
    ],
    [
      'a sibling of poetry',
      withPyproject(
        'poetry.lock',
        POETRY_LOCK.replace('[metadata]', '[package.source]\ntype = "directory"\nurl = "../lib"\n[metadata]'),
      ),
      /flytekit: a package in a folder/,
    ],
    [
      'a folder in a pylock',
      withPyproject('pylock.toml', `${PYLOCK}[[packages]]\nname = "lib"\n[packages.directory]\npath = "."\n`),
      /pylock\.toml: lib: a package in a folder, .* then lock anew with uv export --no-emit-project/,
    ],
    [
      'a wheel in a pylock',
      withPyproject('pylock.toml', PYLOCK.replace('url = "https://host/', 'path = "')),
      /requests: a package in a folder/,
    ],
    [
      'dynamic dependencies',
      withPyproject('pyproject.toml', '[project]\nname = "a"\ndynamic = ["dependencies"]'),
      /dynamic, so only its code knows them/,
    ],
    [
      'no project',
      withPyproject('pyproject.toml', '[tool.poetry]\nname = "a"'),
      /it has no \[project\] table; name the lock file beside it/,
    ],
    [
      'a local dependency',
      withPyproject('pyproject.toml', '[project]\nname = "a"\ndependencies = ["lib @ file:///lib"]'),
      /lib @ file:\/\/\/lib: a package in a folder/,
    ],
    [
      'a local source of uv',
      withPyproject(
        'pyproject.toml',
        '[project]\nname = "a"\ndependencies = ["My_Lib>1"]\n[tool.uv.sources]\nmy-lib = { workspace = true }',
      ),
      /My_Lib>1: a package in a folder/,
    ],
    [
      'a name that says nothing',
      ['Pipfile', { Pipfile: '' }],
      /^Pipfile: its name does not say what it is; name it requirements\*\.txt, uv\.lock/,
    ],
    ['nothing there', ['uv.lock', {}], /^the source has no uv\.lock$/],
  ])('refuses %s', (_, [path, files], expected) => {
    expect(refused(files, path)[0]).toMatch(expected);
  });
});
