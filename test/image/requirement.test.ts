import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRequirement } from '../../src/image/requirement.ts';

describe('a requirement has one normal form', () => {
  it.each([
    ['pandas', 'pandas'],
    ['Pandas == 2.2.3', 'pandas==2.2.3'],
    ['scikit_learn>=1,<2', 'scikit-learn<2,>=1'],
    ['scikit.learn (<2, >=1)', 'scikit-learn<2,>=1'],
    ['uvicorn[standard, http]', 'uvicorn[http,standard]'],
    [
      'uvicorn [ Standard ] >= 0.30 ; python_version  < "3.9"',
      'uvicorn[standard]>=0.30; python_version < "3.9"',
    ],
    ['torch==2.4.*', 'torch==2.4.*'],
    ['torch==2.4.0+cpu', 'torch==2.4.0+cpu'],
    ['pkg @ https://host/pkg-1.0-py3-none-any.whl', 'pkg @ https://host/pkg-1.0-py3-none-any.whl'],
    ['Pkg[a]@https://host/x.whl ; os_name=="posix"', 'pkg[a] @ https://host/x.whl ; os_name=="posix"'],
    ['git+https://host/repo@main#subdirectory=a/b', 'git+https://host/repo@main#subdirectory=a/b'],
    ['git+ssh://git@host/repo', 'git+ssh://git@host/repo'],
    ['git+https://host/repo@v1', 'git+https://host/repo@v1'],
    [
      'a; python_version in "3.8,  3.9"  or  extra==\'x\'',
      'a; python_version in "3.8,  3.9" or extra==\'x\'',
    ],
    ['https://host/x.whl', 'https://host/x.whl'],
  ])('%s', (text, normal) => {
    expect(readRequirement(text)).toMatchObject({ ok: true, normal });
  });
});

describe('what is not one requirement is refused with a reason', () => {
  it.each([
    ['', 'package name'],
    ['-r requirements.txt', 'options'],
    ['--index-url=https://host', 'options'],
    ['pandas --hash=sha256:00', 'not a version'],
    ['pandas # comment', 'not a version'],
    ['pandas==', 'not a version'],
    ['pandas==1;', 'not an environment marker'],
    ['pandas\nnumpy', 'one line'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: pip would expand it
    ['pandas==${VERSION}', 'one requirement'],
    ['./local', 'package name'],
    ['pkg @ file:///etc/passwd', 'https'],
    ['https://user:secret@host/x.whl', 'user, password or token'],
    ['git+https://token@host/x', 'user, password or token'],
    ['git+ssh://git:secret@host/x', 'user, password or token'],
    ['pkg @ git+https://user:secret@host/x', 'user, password or token'],
    ['pkg; os_name == "x --hash=sha256:00"', 'not an environment marker'],
    ['pandas[a;b]', 'extra'],
    ['pandas; $(id)', 'one requirement'],
    ['pandas\u2028numpy', 'one line'],
    ['pandas; python_version ==== "3"', 'not an environment marker'],
  ])('%j', (text, words) => {
    expect(readRequirement(text)).toMatchObject({ ok: false, message: expect.stringContaining(words) });
  });
});

/** The longest that the CRD lets in. */
const full = (begin: string, piece: string, end = '') =>
  begin + piece.repeat(Math.floor((1024 - begin.length - end.length) / piece.length)) + end;

describe('is read or refused at once, however long it could be thought about', () => {
  it.each([
    ['operators', full('a; ', '=', 'x')],
    ['operators of several kinds', full('a; ', '<====', 'x')],
    ['spaces', full('a', ' ', 'x\u2028x')],
    ['a name', full('', 'a', ' \u2028')],
    ['extras', full('a[', ' ', 'x')],
    ['words', full('a; ', 'in ', 'x')],
    ['quotes', full('a; ', '"', '"x')],
    ['quoted spaces', full('a; "', ' ', 'x')],
    ['versions', full('a', '==1,', '=')],
    ['a URL', full('a @ https://', ':', ' ;')],
  ])('%s', (_, text) => {
    const begun = performance.now();
    for (let times = 0; times < 10; times += 1) readRequirement(text);
    expect(performance.now() - begun).toBeLessThan(500);
  });
});

it('never throws, and its normal form is its own normal form', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const read = readRequirement(text);
      if (read.ok) expect(readRequirement(read.normal)).toEqual(read);
    }),
    { numRuns: 2000 },
  );
});

it('a normal form is one line without anything pip would take for structure', () => {
  const piece = fc.constantFrom(
    'a',
    'B',
    '1',
    '.',
    '-',
    '_',
    ' ',
    '[',
    ']',
    '=',
    '<',
    ';',
    '@',
    '#',
    '$',
    '\\',
    '"',
    'https://h/',
    'git+',
    '\n',
    '\u2028',
    '--',
    ',',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const read = readRequirement(pieces.join(''));
      if (!read.ok) return;
      expect(read.normal).not.toMatch(/[\n\r$\\]|^-|\s--|\s#/);
    }),
    { numRuns: 5000 },
  );
});
