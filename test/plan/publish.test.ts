/** The ConfigMap that tells an image: when it is made, changed, deleted, and what is never touched. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conditionOf } from '../../src/api/conditions.ts';
import type { V1ConfigMap } from '../../src/api/kubernetes.ts';
import type { RegistryAnswer } from '../../src/api/registry-answer.ts';
import type { Status } from '../../src/api/status.ts';
import { buildContextOf } from '../../src/build/context.ts';
import { accessHash } from '../../src/build/job.ts';
import { readSpec, targetOf } from '../../src/image/target.ts';
import type { Action } from '../../src/plan/decision.ts';
import type { ConfigMapFact, Facts, Publication } from '../../src/plan/facts.ts';
import { plan } from '../../src/plan/plan.ts';
import { contentOf } from '../../src/plan/publish.ts';
import { imageSpec, settings } from '../support/objects.ts';

const NOW = new Date('2026-11-25T12:00:00Z');
const DIGEST = `sha256:${'a'.repeat(64)}`;
const OTHER = `sha256:${'b'.repeat(64)}`;
const OWN = { kind: 'ImageSpec', name: 'sklearn', uid: 'uid-1' };
const present = (digest = DIGEST): RegistryAnswer => ({ kind: 'present', digest });
const absent: RegistryAnswer = { kind: 'absent' };

interface Given extends Partial<Omit<Publication, 'spec'>> {
  readonly spec?: object;
  /** Without one nobody is asked: everything is as the status says. */
  readonly answer?: RegistryAnswer | undefined;
  readonly status?: Status | undefined;
  readonly generation?: number;
}

const PUBLISH = { publish: { configMap: { name: 'image' } } };

function factsOf({ spec = PUBLISH, answer, status, generation, ...publication }: Given): Facts {
  const object = imageSpec(spec, { generation: generation ?? 1, ...(status ? { status } : {}) });
  const read = readSpec(object);
  const judged = targetOf(object, settings);
  if (!read.ok || !judged.ok) throw new Error('not a spec');
  const { target } = judged;
  const made = target.builder.engine === 'Noop' ? undefined : buildContextOf(target, settings);
  return {
    object,
    wanted: {
      target,
      context: made?.ok ? made.context : undefined,
      access: accessHash(target, settings),
      jobs: [],
      asked: answer && { answer, times: 1, ageMs: 0 },
      slotFree: true,
      slots: 1,
      retries: 0,
    },
    publication: { spec: read.spec, others: [], ...publication },
    strays: [],
    now: NOW,
  };
}

const decide = (given: Given) => plan(factsOf(given));
const isPublishing = (action: Action) => 'configMap' in action;
const done = (given: Given) => decide(given).actions.filter(isPublishing);

/** What an action of ours leaves, as it is read back. */
const asFound = (configMap: V1ConfigMap, more: Partial<ConfigMapFact> = {}): ConfigMapFact => ({
  name: configMap.metadata?.name ?? '',
  uid: 'config-map-1',
  resourceVersion: '1',
  owners: [OWN],
  content: contentOf(configMap),
  immutable: false,
  ...more,
});

/** The ConfigMap as it is to be. */
function published(given: Given = {}): V1ConfigMap {
  const [action] = done({ answer: present(), ...given });
  if (action?.kind !== 'create-config-map') throw new Error('nothing is published');
  return action.configMap;
}

const found = (more: Partial<ConfigMapFact> = {}) => asFound(published(), more);
const readyStatus = (given: Given = {}) => decide({ answer: present(), ...given }).status;

describe('what is published', () => {
  it('is the image by all its names, for whoever reads environment variables, and belongs to the ImageSpec', () => {
    const { status } = decide({ answer: present() });
    const { metadata, data } = published();
    expect(data).toEqual({
      IMAGE: status.resolvedImage,
      DIGEST,
      TAG: status.specHash?.slice(0, 32),
      REPOSITORY: 'ghcr.io/acme/sklearn',
    });
    expect(`${data?.REPOSITORY}:${data?.TAG}@${data?.DIGEST}`).toBe(data?.IMAGE);
    expect(metadata).toMatchObject({
      name: 'image',
      namespace: 'team-a',
      labels: {
        'app.kubernetes.io/managed-by': 'imagespec-operator',
        'reconcile.fluxcd.io/watch': 'Enabled',
      },
      ownerReferences: [{ apiVersion: 'imagespec.dev/v1alpha1', ...OWN }],
    });
  });

  it('holds what a Flyte task is to install', () => {
    const spec = { ...PUBLISH, profile: 'Flytekit', runtimePackages: ['six==1.17.0', 'idna'] };
    expect(published({ spec }).data).toMatchObject({ _F_RUNTIME_PACKAGES: 'six==1.17.0 idna' });
    expect(published({ spec: { ...spec, runtimePackages: [] } }).data).not.toHaveProperty(
      '_F_RUNTIME_PACKAGES',
    );
  });

  it('has an empty tag where the image has none', () => {
    const spec = { ...PUBLISH, builder: 'noop', baseImage: `ghcr.io/acme/base@${DIGEST}` };
    expect(published({ spec }).data).toEqual({
      IMAGE: `ghcr.io/acme/base@${DIGEST}`,
      DIGEST,
      TAG: '',
      REPOSITORY: 'ghcr.io/acme/base',
    });
  });
});

describe('what is done about the ConfigMap', () => {
  const foreign = found({ owners: [] });
  const old = found({ name: 'old', uid: 'config-map-2' });
  const other = found({ content: 'something else' });

  it.each<[string, Given, string[]]>([
    ['nothing, where none is asked for', { spec: {}, answer: present() }, []],
    ['it is made when the image exists', { answer: present() }, ['create-config-map image']],
    ['it is left when it is right', { answer: present(), found: found() }, []],
    ['it is changed when it is not', { answer: present(), found: other }, ['change-config-map image']],
    [
      'it is changed for another digest',
      { answer: present(OTHER), found: found() },
      ['change-config-map image'],
    ],
    [
      'it is made anew where it may not be changed',
      { answer: present(), found: { ...other, immutable: true } },
      ['delete-config-map image', 'create-config-map image'],
    ],
    [
      'it is left, though it may not be changed',
      { answer: present(), found: found({ immutable: true }) },
      [],
    ],
    ['it is not made before the image is', { answer: absent }, []],
    ['it stays as it is while another image is made', { answer: absent, found: other }, []],
    ['one of somebody else is left alone', { answer: present(), found: foreign }, []],
    [
      'one of an ImageSpec of another uid is left alone',
      { answer: present(), found: found({ owners: [{ ...OWN, uid: 'uid-0' }] }) },
      [],
    ],
    [
      'one that others own too is ours',
      { answer: present(), found: { ...other, owners: [{ ...OWN, uid: 'uid-0' }, OWN] } },
      ['change-config-map image'],
    ],
    [
      'that of an earlier name is deleted',
      { answer: present(), found: found(), others: [old] },
      ['delete-config-map old'],
    ],
    [
      'that of an earlier name is deleted where none is asked for',
      { spec: {}, answer: absent, others: [old] },
      ['delete-config-map old'],
    ],
    [
      'that of an earlier name is deleted though the new one is taken',
      { answer: present(), found: foreign, others: [old] },
      ['delete-config-map old'],
    ],
    ['it is not tried again at once where it was refused', { answer: present(), refused: 'no' }, []],
  ])('%s', (_title, given, actions) => {
    expect(
      done(given).map(
        (action) => `${action.kind} ${'seen' in action ? action.seen.name : nameOf(action as never)}`,
      ),
    ).toEqual(actions);
  });

  const nameOf = ({ configMap }: { configMap: V1ConfigMap | ConfigMapFact }) =>
    'name' in configMap ? configMap.name : configMap.metadata?.name;

  it('keeps what stands for an older generation, while the image is built anew', () => {
    const status = readyStatus();
    const given = { spec: { ...PUBLISH, rebuild: 1 }, status: { ...status, rebuild: 0 }, generation: 2 };
    const decided = decide({ ...given, answer: present(), found: found({ content: 'edited' }) });
    expect(decided.actions.map(({ kind }) => kind)).toEqual(['change-config-map', 'create-job']);
    expect(decided.actions[0]).toMatchObject({
      configMap: { data: { DIGEST } },
      seen: { resourceVersion: '1' },
    });
  });

  it('keeps what the status names, while nobody is asked', () => {
    const given = { status: readyStatus() };
    expect(done({ ...given, found: found() })).toEqual([]);
    expect(done(given)).toMatchObject([{ kind: 'create-config-map', configMap: { data: { DIGEST } } }]);
    expect(done({ ...given, spec: { ...PUBLISH, suspend: true }, generation: 2 })).toHaveLength(1);
  });
});

describe('an image that exists and cannot be published', () => {
  const conflict = (more: Given = {}) => ({ answer: present(), found: found({ owners: [] }), ...more });

  it('is Stalled with what is in the way, and can be used', () => {
    const { status, notes, requeueAfterMs } = decide(conflict());
    const message =
      'the image exists, but is not published: there is a ConfigMap image that does not belong to this ImageSpec. Delete it, or write another name in spec.publish.configMap.name; looked at again every 30 s.';
    const words = { reason: 'PublishConflict', message, observedGeneration: 1 };
    expect(status.conditions).toMatchObject([
      { type: 'Ready', status: 'False', ...words },
      { type: 'Stalled', status: 'True', ...words },
    ]);
    const { resolvedImage, digest, latestReady } = readyStatus();
    expect(status).toMatchObject({ resolvedImage, digest, latestReady });
    expect(notes).toContainEqual({
      type: 'Warning',
      reason: 'PublishConflict',
      note: message,
      action: 'Publish',
    });
    expect(requeueAfterMs).toBe(30_000);
  });

  it('names who owns what is in the way', () => {
    const { status } = decide(conflict({ found: found({ owners: [{ ...OWN, name: 'other', uid: '2' }] }) }));
    expect(status.conditions?.[0]?.message).toContain('a ConfigMap image that belongs to ImageSpec other.');
  });

  it('is told once, and Ready again when nothing is in the way any more', () => {
    const { status } = decide(conflict());
    for (const answer of [undefined, present()]) {
      const again = decide(conflict({ status, answer }));
      expect(again.notes).toEqual([]);
      expect(again.status).toEqual(status);
      expect(again.requeueAfterMs).toBe(30_000);

      const healed = decide({ status, answer });
      expect(healed.actions).toMatchObject([{ kind: 'create-config-map' }]);
      expect(healed.status).toEqual({ ...status, conditions: readyStatus().conditions });
    }
  });

  it('tells the words of who refuses it', () => {
    const { status, requeueAfterMs } = decide({ answer: present(), refused: 'exceeded quota: small' });
    expect(status.conditions).toMatchObject([
      { type: 'Ready', status: 'False', reason: 'PolicyDenied' },
      {
        type: 'Stalled',
        status: 'True',
        message:
          'the image exists, but is not published: the API server refuses ConfigMap image: exceeded quota: small',
      },
    ]);
    expect(requeueAfterMs).toBe(60_000);
  });

  it('is built anew under way, not Stalled', () => {
    const { status } = decide(conflict());
    const rebuilt = { spec: { ...PUBLISH, rebuild: 1 }, status: { ...status, rebuild: 0 }, generation: 2 };
    const decided = decide(conflict(rebuilt));
    expect(decided.status.conditions).toMatchObject([
      { type: 'Ready', status: 'False', reason: 'PublishConflict', observedGeneration: 1 },
      { type: 'Reconciling', status: 'True', reason: 'Building' },
    ]);
    expect(decided.status.resolvedImage).toBe(status.resolvedImage);
    // The name is free meanwhile.
    expect(decide({ ...rebuilt, answer: present() }).status.conditions).toMatchObject([
      { type: 'Ready', status: 'True', reason: 'ImageAvailable', observedGeneration: 1 },
      { type: 'Reconciling', status: 'True', reason: 'Building' },
    ]);
  });
});

describe('whatever there is', () => {
  const configMap = (name: fc.Arbitrary<string>) =>
    fc.record({
      name,
      uid: fc.constantFrom('config-map-1', 'config-map-2'),
      resourceVersion: fc.constant('1'),
      owners: fc.subarray([OWN, { ...OWN, uid: 'uid-0' }]),
      content: fc.constantFrom(contentOf(published()), 'another'),
      immutable: fc.boolean(),
    });
  const given = fc.record(
    {
      spec: fc.constantFrom({}, PUBLISH, { ...PUBLISH, rebuild: 1 }, { ...PUBLISH, suspend: true }),
      answer: fc.constantFrom<RegistryAnswer>(absent, present(), present(OTHER), {
        kind: 'unavailable',
        message: 'away',
      }),
      found: configMap(fc.constant('image')),
      // As the index has them: all are ours.
      others: fc.array(
        configMap(fc.constant('old')).map((one) => ({ ...one, owners: [OWN] })),
        { maxLength: 1 },
      ),
      refused: fc.constant('no'),
    },
    { requiredKeys: [] },
  );
  const chain = fc.array(given, { minLength: 1, maxLength: 4 });
  const each = (check: (given: Given) => void) =>
    fc.assert(
      fc.property(chain, (passes) => {
        let status: Status | undefined;
        passes.forEach((pass, index) => {
          const facts = { ...pass, status, generation: index + 1 };
          check(facts);
          status = decide(facts).status;
        });
      }),
      { numRuns: 500 },
    );
  const isOurs = ({ owners }: ConfigMapFact) => owners.some(({ uid }) => uid === OWN.uid);

  it('nothing is touched that the ImageSpec does not own', () =>
    each((facts) => {
      for (const action of done(facts)) {
        if (action.kind === 'create-config-map') {
          expect(facts.found === undefined || (facts.found.immutable && isOurs(facts.found))).toBe(true);
        } else if (action.kind === 'change-config-map') expect(isOurs(action.seen)).toBe(true);
        else expect(isOurs((action as { configMap: ConfigMapFact }).configMap)).toBe(true);
      }
    }));

  it('Ready says that the image of the status is published, once what is to be done is done', () =>
    each((facts) => {
      const { status, actions } = decide(facts);
      if (conditionOf(status.conditions, 'Ready')?.status !== 'True') return;
      const written = actions.flatMap((action) =>
        action.kind === 'create-config-map' || action.kind === 'change-config-map' ? action.configMap : [],
      );
      const after = written.map((one) => asFound(one))[0] ?? facts.found;
      if ('publish' in (facts.spec ?? PUBLISH)) {
        expect(after?.content).toBe(contentOf(published({ answer: present(status.digest), spec: PUBLISH })));
      }
      const { refused: _refused, ...rest } = facts;
      const settled = { ...rest, status, found: after, others: [] };
      expect(done(settled)).toEqual([]);
    }));

  it('without an image of the observed content nothing is written', () =>
    each((facts) => {
      const { status, actions } = decide(facts);
      if (status.resolvedImage !== undefined) return;
      expect(actions.filter(isPublishing).every(({ kind }) => kind === 'delete-config-map')).toBe(true);
    }));
});
