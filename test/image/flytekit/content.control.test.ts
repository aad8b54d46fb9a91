/** What flytekit's tag counts of files: ours against that of the real flytekit, on a real disk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { flytekitDigests } from '../../../src/image/flytekit/content.ts';
import { parentOf } from '../../../src/image/tree.ts';
import { type Arguments, identityOf } from './arguments.ts';
import { type Oracle, startOracle } from './oracle.ts';
import { type Files, layOut, someFiles, treeFrom } from './tree.ts';

let flytekit: Oracle;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'imagespec-flytekit-'));
  flytekit = await startOracle();
}, 300_000);
afterAll(async () => {
  await flytekit.end();
  rmSync(folder, { recursive: true, force: true });
});

let laid = 0;

const ALL = { printed: '<CopyFileDetection.ALL: 2>' };

/** What the tag counts, in flytekit's words and in ours. */
interface Chosen {
  readonly requirements?: string | undefined;
  readonly copy?: readonly string[] | undefined;
  readonly sourceRoot?: string | undefined;
}

async function compare({ requirements, copy, sourceRoot }: Chosen, files: Files, links: Files = {}) {
  const given: Arguments = {
    registry: 'ghcr.io/acme',
    requirements,
    copy,
    ...(sourceRoot === undefined ? {} : { source_root: sourceRoot, source_copy_mode: ALL }),
  };
  const selection = { requirements, copy: copy ?? [], sourceRoot, copyAll: sourceRoot !== undefined };
  const ours = identityOf(given, flytekitDigests(treeFrom(files, links), selection));
  laid += 1;
  const top = join(folder, String(laid));
  layOut(top, files, links);
  expect(ours).toEqual(await flytekit.ask(given, top));
}

test('400 trees count as flytekit counts them, by requirements, copy and source root', async () => {
  const chosen = someFiles.chain((files) => {
    const paths = Object.keys(files);
    // flytekit copies what git keeps for itself if it is asked to; we never do.
    const copied = paths.filter((path) => !path.split('/').includes('.git'));
    const folders = copied.map(parentOf).filter((path) => path !== '');
    const asFolders = folders.flatMap((path) => [path, `${path}/`]);
    const anything = copied.length === paths.length ? [...copied, ...asFolders, '.', './'] : copied;
    const choice = fc.record<Chosen>(
      {
        requirements: fc.constantFrom(...paths),
        copy: fc.array(fc.constantFrom(...anything, 'neither/here'), { maxLength: 3 }),
        sourceRoot: fc.constantFrom('.', './', ...asFolders),
      },
      { requiredKeys: [] },
    );
    return fc.tuple(choice, fc.constant(files));
  });
  await fc.assert(
    fc.asyncProperty(chosen, ([choice, files]) => compare(choice, files)),
    { numRuns: 400 },
  );
});

test('a link counts as the file it leads to, and a link to a folder only where it is named', async () => {
  const files = { 'app/main.py': 'main', 'lib/one.py': 'one', 'lib/sub/two.py': 'two' };
  const links = { 'app/linked.py': '../lib/one.py', 'app/lib': '../lib', top: 'lib', 'app/lost': 'nowhere' };
  await compare({ copy: ['app', 'top', 'app/linked.py'] }, files, links);
  await compare({ sourceRoot: 'app' }, files, links);
  await compare({ sourceRoot: '.' }, files, links);
  await compare({ requirements: 'app/linked.py' }, files, links);
});
