/** ImageSpecs of profile Flytekit as the real API server gives them back, named as the real flytekit names them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { API_VERSION, KIND } from '../../../src/api/names.ts';
import { type BaseSpec, type Inputs, selectionOf } from '../../../src/image/inputs.ts';
import { printReference } from '../../../src/image/reference.ts';
import { resolveFiles } from '../../../src/image/selection.ts';
import { readSpec, targetOf } from '../../../src/image/target.ts';
import { CONTENT } from '../../../src/kube/connection.ts';
import { IMAGE_SPECS, pathOf } from '../../../src/kube/resource.ts';
import { connectFor, newNamespace } from '../../support/kube.ts';
import { settings } from '../../support/objects.ts';
import type { Arguments, Identity } from './arguments.ts';
import { type Oracle, startOracle } from './oracle.ts';
import { type Both, FILES, representable, representableBaseless } from './representable.ts';
import { layOut } from './tree.ts';

const { kubeconfig } = inject('controlPlane');
const SETS = 400;

let flytekit: Oracle;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'imagespec-flytekit-'));
  layOut(folder, FILES);
  flytekit = await startOracle();
}, 300_000);
afterAll(async () => {
  await flytekit.end();
  rmSync(folder, { recursive: true, force: true });
});

const nameOf = (index: number) => `set-${String(index).padStart(3, '0')}`;
/** Of four sets in a row the third is built on the second and the fourth on the third. */
const hasBase = (index: number) => index % 4 > 1;

/** As many sets, the same for the same seed. */
function setsOf(seed: number): Both[] {
  const alone = fc.sample(representable, { seed, numRuns: SETS });
  const above = fc.sample(representableBaseless, { seed, numRuns: SETS });
  const sets: Both[] = [];
  for (let index = 0; index < SETS; index += 1) {
    const below = sets[index - 1];
    const { spec, given } = (hasBase(index) ? above[index] : alone[index]) as Both;
    sets.push(
      hasBase(index) && below !== undefined
        ? {
            spec: { ...spec, baseImageSpecRef: { name: nameOf(index - 1) } },
            given: { ...given, base_image: below.given },
          }
        : { spec, given },
    );
  }
  return sets;
}

interface Read {
  readonly metadata: { readonly name: string };
  readonly spec: unknown;
}

/** What the operator makes of an object, its base and its files looked up. */
function named(
  { metadata, spec }: Read,
  base: BaseSpec | undefined,
): { ours: Partial<Identity>; as: BaseSpec } {
  const read = readSpec({ spec });
  if (!read.ok) throw new Error(`${metadata.name}: ${JSON.stringify(read.problems)}`);
  const selection = selectionOf(read.spec);
  const source = selection && resolveFiles(read.spec.source?.files ?? {}, selection);
  if (source && !source.ok) throw new Error(`${metadata.name}: ${JSON.stringify(source.problems)}`);
  const digest = `sha256:${'0'.repeat(64)}`;
  const inputs: Inputs = {
    ...(source ? { source: source.source } : {}),
    ...(base ? { base: { ...base, image: `${base.name}@${digest}`, digest } } : {}),
  };
  const object = { metadata: { ...OTHER_METADATA, name: metadata.name }, spec };
  const judged = targetOf(object, settings, inputs);
  if (!judged.ok) throw new Error(`${metadata.name}: ${JSON.stringify(judged.problems)}`);
  const { image, effective } = judged.target;
  const name = printReference(image);
  // flytekit leaves out docker.io, where the image belongs all the same.
  const imageName = name.replace(/^docker\.io\//, '');
  return {
    ours: {
      imageName,
      ...(image.tag ? { tag: image.tag } : {}),
      ...(effective.flytekitId ? { id: effective.flytekitId } : {}),
    },
    as: { name, spec: read.spec, ...(base ? { base } : {}) },
  };
}

const OTHER_METADATA = { namespace: 'team-a', uid: 'uid', generation: 1, resourceVersion: '1' };

test(`${SETS} sets, created and applied, are named alike after the round trip`, {
  timeout: 120_000,
}, async (t) => {
  const seed = Date.now() % 2 ** 31;
  const sets = setsOf(seed);
  const connection = await connectFor(t, kubeconfig);
  const namespace = await newNamespace(t, connection);
  const write = ({ spec }: Both, index: number) => {
    const name = nameOf(index);
    const body = { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec };
    return index % 2 === 0
      ? connection.request({ method: 'POST', path: pathOf(IMAGE_SPECS, { namespace }), body })
      : connection.request({
          method: 'PATCH',
          path: pathOf(IMAGE_SPECS, { namespace, name }),
          query: { fieldManager: 'test' },
          contentType: CONTENT.apply,
          body,
        });
  };
  for (let from = 0; from < SETS; from += 20) {
    await Promise.all(sets.slice(from, from + 20).map((one, index) => write(one, from + index)));
  }
  const { items } = await connection.request<{ items: Read[] }>({
    method: 'GET',
    path: pathOf(IMAGE_SPECS, { namespace }),
  });
  items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  expect(items).toHaveLength(SETS);

  let below: BaseSpec | undefined;
  for (const [index, item] of items.entries()) {
    const { ours, as } = named(item, hasBase(index) ? below : undefined);
    below = as;
    const theirs = await flytekit.ask(sets[index]?.given as Arguments, folder);
    expect(ours, `seed ${seed}, ${item.metadata.name}: ${JSON.stringify(item.spec)}`).toEqual(theirs);
  }
});
