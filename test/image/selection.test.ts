import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Selection } from '../../src/image/inputs.ts';
import { resolveFiles, type Selected, select } from '../../src/image/selection.ts';
import { treeOf } from '../../src/image/tree.ts';
import { file, link, tree } from '../support/tree.ts';

const nothing: Selection = { copy: [], copyAll: false };

function chosen(of: Parameters<typeof select>[0], selection: Partial<Selection>): Selected {
  const selecting = select(of, { ...nothing, ...selection });
  if (!selecting.ok) throw new Error(JSON.stringify(selecting.problems));
  return selecting.selected;
}

const destinations = (selected: Selected) => selected.copies.map(({ destination }) => destination);

/** What is wrong, as `field: message`. */
function refused(of: Parameters<typeof select>[0], selection: Partial<Selection>): string[] {
  const selecting = select(of, { ...nothing, ...selection });
  return selecting.ok ? [] : selecting.problems.map(({ field, message }) => `${field}: ${message}`);
}

const APP = tree({
  'app/main.py': 'main',
  'app/lib/a.py': 'a',
  'data.csv': '1',
  '.git/config': 'x',
  'sub/.git': 'y',
});

describe('what is copied', () => {
  test.each<[string, Partial<Selection>, string[]]>([
    ['a file keeps its path', { copy: ['app/main.py'] }, ['app/main.py']],
    ['a folder keeps its path', { copy: ['app'] }, ['app/lib/a.py', 'app/main.py']],
    ['a slash at the end changes nothing', { copy: ['app/'] }, ['app/lib/a.py', 'app/main.py']],
    ['the top is all but .git', { copy: ['.'] }, ['app/lib/a.py', 'app/main.py', 'data.csv']],
    ['All is the top', { copyAll: true }, ['app/lib/a.py', 'app/main.py', 'data.csv']],
    ['All takes the content of sourceRoot', { copyAll: true, sourceRoot: 'app' }, ['lib/a.py', 'main.py']],
    ['sourceRoot alone copies nothing', { sourceRoot: 'app' }, []],
    [
      'what is named twice is copied once',
      { copy: ['app', 'app/main.py', '.'] },
      ['app/lib/a.py', 'app/main.py', 'data.csv'],
    ],
    [
      'All and copy add up',
      { copyAll: true, sourceRoot: 'app/lib', copy: ['data.csv'] },
      ['a.py', 'data.csv'],
    ],
  ])('%s', (_, selection, expected) => {
    expect(destinations(chosen(APP, selection))).toEqual(expected);
  });

  test('nothing asked for is nothing copied, and no reason to refuse', () => {
    expect(chosen(tree({}), {}).source.copied).toBe(false);
  });

  test('a link is kept where it leads to what is copied', () => {
    const linked = tree(
      { 'lib/v1/a.py': 'a' },
      link('lib/current', 'v1'),
      link('main.py', 'lib/current/a.py'),
    );
    expect(destinations(chosen(linked, { copy: ['.'] }))).toEqual(['lib/current', 'lib/v1/a.py', 'main.py']);
  });
});

describe('what cannot be copied', () => {
  const odd = tree(
    { 'app/main.py': '' },
    link('out', '../secret'),
    link('abs', '/etc/passwd'),
    link('round', 'round'),
    link('sly', 'app/up/../../..'),
    link('app/up', '..'),
    link('main.py', 'app/main.py'),
    { kind: 'other', path: 'vendor', what: 'a submodule, which is not fetched' },
    file('bad\nname'),
    file('bad/../name'),
    file('a\u202eb/x'),
    file('gone/.wh.a'),
    file('.wh.gone/a'),
  );
  test.each<[string, Partial<Selection>, RegExp]>([
    [
      'a missing file',
      { copy: ['app', 'app/gone.py'] },
      /^spec\.copy\[1\]: the source has no app\/gone\.py$/,
    ],
    ['a name that only begins alike', { copy: ['ap'] }, /^spec\.copy\[0\]: the source has no ap$/],
    ['a missing root', { copyAll: true, sourceRoot: 'src' }, /^spec\.sourceRoot: the source has no src$/],
    ['.git', { copy: ['.git/config'] }, /\.git is never copied$/],
    [
      'a link out of the source',
      { copy: ['out'] },
      /^spec\.copy\[0\]: out is a link to \.\.\/secret, which is not among/,
    ],
    ['an absolute link', { copy: ['abs'] }, /abs is a link to \/etc\/passwd/],
    ['a link to itself', { copy: ['round'] }, /round is a link to round/],
    [
      'a link that leaves through another',
      { copy: ['sly', 'app'] },
      /sly is a link to app\/up\/\.\.\/\.\.\/\.\./,
    ],
    [
      'a link whose target stays behind',
      { copy: ['main.py'] },
      /main\.py is a link to app\/main\.py, which is not among/,
    ],
    ['a path through a link', { copy: ['app/up/app'] }, /leads through a link; name the path it stands for$/],
    ['a submodule', { copy: ['vendor'] }, /^spec\.copy\[0\]: vendor is a submodule, which is not fetched$/],
    [
      'what is no name for a file',
      { copyAll: true },
      /bad\?name is a file whose name holds control characters/,
    ],
    [
      'what a layer takes for a removal',
      { copy: ['gone'] },
      /^spec\.copy\[0\]: gone\/\.wh\.a is a file whose path holds a name with \.wh\./,
    ],
    ['the same of a folder', { copy: ['.wh.gone'] }, /\.wh\.gone\/a is a file whose path holds/],
    ['a path with ..', { copyAll: true }, /bad\/\.\.\/name is a file whose path holds/],
  ])('%s', (_, selection, expected) => {
    expect(refused(odd, selection).join('\n')).toMatch(new RegExp(expected.source, 'm'));
  });

  test('an empty source with All', () => {
    expect(refused(tree({}), { copyAll: true })).toEqual(['spec.sourceCopyMode: the source has no files']);
  });

  test('two files for one place', () => {
    const two = tree({ 'src/a.py': '1', 'a.py': '2' });
    expect(refused(two, { copyAll: true, sourceRoot: 'src', copy: ['a.py'] })).toEqual([
      'spec.copy[0]: a.py would land on src/a.py, copied by spec.sourceRoot: both are a.py below workdir',
    ]);
  });

  test('a file where another wants a folder', () => {
    const two = tree({ 'src/a': '1', 'a/b.py': '2' });
    expect(refused(two, { copyAll: true, sourceRoot: 'src', copy: ['a/b.py'] })).toEqual([
      'spec.sourceRoot: a would be a file and a folder below workdir: copy one of them',
    ]);
  });

  test('more than an image is for', () => {
    const large = treeOf([{ kind: 'file', path: 'x', executable: false, size: 2 ** 31, content: () => [] }]);
    expect(refused(large, { copyAll: true }).join()).toMatch(/copy at most 100000 files and 1 GiB/);
  });

  test('a thousand problems are told in twenty', () => {
    const bad = treeOf(Array.from({ length: 1000 }, (_, n) => link(`l${n}`, '/etc')));
    expect(refused(bad, { copyAll: true }).length).toBeLessThanOrEqual(20);
  });
});

describe('the digest, for ever', () => {
  test('of copied files, links and modes', () => {
    const mixed = treeOf([
      file('app/main.py', 'print(1)\n'),
      file('run.sh', '#!/bin/sh\n', true),
      link('m', 'app/main.py'),
    ]);
    expect(chosen(mixed, { copyAll: true }).source.digest).toBe(
      'cdeba865f107ac5fb22ef11525e295836bc8145824e808f661d52d299c303ced',
    );
  });

  test('of requirements', () => {
    const source = chosen(tree({ 'requirements.txt': 'requests\n' }), {
      requirements: 'requirements.txt',
    }).source;
    expect(source).toEqual({
      digest: '564c9bc5c0c48f1998120571a03ec865b63de7063ce1abeed96d1bb8481f56c3',
      copied: false,
      requirements: {
        kind: 'requirements.txt',
        main: 'requirements.txt',
        digest: 'b1518d3dde1f7329661fd3412e6305a4850da5f0bdaefd1f63925290f0023575',
      },
    });
  });

  const base = chosen(treeOf([file('a', '1'), file('b', '2')]), { copyAll: true }).source.digest;
  test.each([
    ['content', [file('a', '2'), file('b', '2')]],
    ['mode', [file('a', '1', true), file('b', '2')]],
    ['name', [file('a', '1'), file('c', '2')]],
    ['kind', [file('a', '1'), link('b', 'a')]],
    ['swapped content', [file('a', '2'), file('b', '1')]],
    ['one less', [file('a', '1')]],
  ])('sees another %s', (_, entries) => {
    expect(chosen(treeOf(entries), { copyAll: true }).source.digest).not.toBe(base);
  });

  test('sees nothing of what is not used, nor the order of things', () => {
    const more = treeOf([file('z', '9'), file('b', '2'), file('a', '1')]);
    expect(chosen(more, { copy: ['b', 'a'] }).source.digest).toBe(base);
  });

  test('a changed file leaves the digest of the requirements alone', () => {
    const of = (code: string) =>
      chosen(tree({ 'requirements.txt': 'requests', 'main.py': code }), {
        requirements: 'requirements.txt',
        copy: ['main.py'],
      }).source;
    expect(of('1').requirements).toEqual(of('2').requirements);
    expect(of('1').digest).not.toBe(of('2').digest);
  });
});

describe('inline files', () => {
  test('have the digest of the same files from elsewhere', () => {
    const files = { 'app/main.py': 'print("ü")\n', 'requirements.txt': 'requests\n' };
    const selection = { ...nothing, copyAll: true, requirements: 'requirements.txt' };
    expect(resolveFiles(files, selection)).toEqual({
      ok: true,
      source: chosen(tree(files), selection).source,
    });
  });

  test('cannot be a file and a folder', () => {
    expect(resolveFiles({ a: '', 'a/b': '' }, nothing)).toEqual({
      ok: false,
      problems: [
        {
          field: 'spec.source.files',
          message: 'a cannot be a file and a folder: rename it, or what lies below it',
        },
      ],
    });
  });
});

const name = fc.constantFrom('a', 'b', 'c', '.git', 'dir', 'x.py');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const entries = fc.array(
  fc.oneof(
    fc.tuple(path, fc.string(), fc.boolean()).map(([at, text, executable]) => file(at, text, executable)),
    fc
      .tuple(path, fc.array(fc.constantFrom('..', '.', 'a', 'b', 'dir', '/'), { minLength: 1, maxLength: 5 }))
      .map(([at, parts]) => link(at, parts.join('/'))),
  ),
  { maxLength: 12 },
);
const selections = fc.record({
  copy: fc.array(fc.oneof(path, fc.constant('.')), { maxLength: 3 }),
  copyAll: fc.boolean(),
});

test('whatever the source holds, destinations are safe, unique and free of .git', () => {
  fc.assert(
    fc.property(entries, selections, (list, selection) => {
      const selecting = select(treeOf(list), selection);
      if (!selecting.ok) {
        expect(selecting.problems.length).toBeGreaterThan(0);
        return;
      }
      const all = destinations(selecting.selected);
      expect(new Set(all).size).toBe(all.length);
      for (const one of all) {
        expect(one.split('/')).not.toContain('.git');
        expect(all.some((other) => other.startsWith(`${one}/`))).toBe(false);
      }
    }),
    { numRuns: 1000 },
  );
});

test('equal digests are equal content', () => {
  const small = fc.array(
    fc.tuple(fc.constantFrom('a', 'b', 'd/a'), fc.constantFrom('', '1'), fc.boolean(), fc.boolean()),
    { maxLength: 3 },
  );
  const seen = new Map<string, string>();
  fc.assert(
    fc.property(small, (list) => {
      const of = treeOf(
        list.map(([at, text, executable, linked]) => (linked ? link(at, 'a') : file(at, text, executable))),
      );
      const selecting = select(of, { copy: [], copyAll: true });
      if (!selecting.ok) return;
      const content = JSON.stringify(
        selecting.selected.copies.map(({ destination, entry }) =>
          entry.kind === 'link' ? [destination, entry.target] : [destination, entry.executable, entry.size],
        ),
      );
      const { digest } = selecting.selected.source;
      expect(seen.get(digest) ?? content).toBe(content);
      seen.set(digest, content);
    }),
  );
  expect(new Set(seen.values()).size).toBe(seen.size);
});
