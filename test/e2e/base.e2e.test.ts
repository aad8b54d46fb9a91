/** ImageSpecs built on other ImageSpecs, and those that only name an image. */
import { expect } from 'vitest';
import {
  apply,
  change,
  cluster,
  conditionsOf,
  hasReason,
  jobsIn,
  kubectl,
  outputOf,
  RUN,
  ready,
  type Shown,
  statusOf,
  test,
  withOperator,
} from '../support/e2e.ts';
import { inRegistry } from '../support/in-registry.ts';

withOperator('a base', () => {
  const base = { name: `${RUN}/base`, commands: ['echo one > /base'] };
  const top = {
    name: `${RUN}/top`,
    baseImageSpecRef: { name: 'base' },
    commands: ['cat /base > /top'],
    entrypoint: ['cat', '/top'],
  };

  test('that is another ImageSpec is waited for, and a new image of it makes a new one on top', async ({
    newNamespace,
  }) => {
    const namespace = await newNamespace();
    await apply(namespace, { top });
    const missing = await hasReason(namespace, 'top', 'DependencyNotReady', 20);
    expect(conditionsOf(missing)).toMatchObject({ reconciling: true, stalled: false });
    expect(conditionsOf(missing).message).toContain('there is no ImageSpec base');
    expect(await jobsIn(namespace)).toEqual([]);

    await apply(namespace, { base });
    const first = await ready(namespace, 'top');
    const baseFirst = await ready(namespace, 'base', 0);
    expect(first.status.base).toEqual({
      image: baseFirst.status.resolvedImage,
      digest: baseFirst.status.digest,
    });
    expect(await outputOf(namespace, first.status.resolvedImage ?? '')).toBe('one\n');

    await change(namespace, 'base', { commands: ['echo two > /base'] });
    const second = await statusOf(
      namespace,
      'top',
      'is built anew',
      ({ status }) =>
        status.resolvedImage !== undefined && status.resolvedImage !== first.status.resolvedImage,
      120,
    );
    expect(second.status.specHash).not.toBe(first.status.specHash);
    // The image that was ready stayed so until the new content was known.
    expect(await outputOf(namespace, second.status.resolvedImage ?? '')).toBe('two\n');

    // The base comes back to what it was: so does the image on top, without a build.
    const before = (await jobsIn(namespace)).length;
    await change(namespace, 'base', { commands: base.commands });
    await statusOf(
      namespace,
      'top',
      'is what it was',
      ({ status }) => status.resolvedImage === first.status.resolvedImage,
      20,
    );
    expect((await jobsIn(namespace)).length).toBe(before);
  });

  test('that leads back to itself is refused by name', async ({ newNamespace }) => {
    const namespace = await newNamespace();
    await apply(namespace, {
      one: { baseImageSpecRef: { name: 'two' } },
      two: { baseImageSpecRef: { name: 'three' } },
      three: { baseImageSpecRef: { name: 'one' } },
      itself: { baseImageSpecRef: { name: 'itself' } },
    });
    const message = async (name: string) =>
      conditionsOf(await hasReason(namespace, name, 'InvalidSpec', 20)).message;
    expect(await message('one')).toBe(
      'spec.baseImageSpecRef: one is built on two is built on three is built on one: take one of them out of the circle',
    );
    expect(await message('itself')).toContain('itself is built on itself');
    // Taking one out heals them all.
    await change(namespace, 'three', { baseImageSpecRef: null });
    for (const name of ['two', 'one']) {
      const isReady = (shown: Shown) => conditionsOf(shown).ready === 'True';
      await statusOf(namespace, name, 'is Ready', isReady, 120);
    }
  });

  test('that is all there is with the builder noop: pinned by digest, published, without a Job', async ({
    newNamespace,
  }) => {
    const namespace = await newNamespace();
    const image = `${cluster.registry}/library/python:3.11-slim`;
    await apply(namespace, {
      plain: {
        builder: 'noop',
        baseImage: image,
        runtimePackages: ['six', 'idna'],
        publish: { configMap: { name: 'plain-image' } },
      },
      missing: { builder: 'noop', baseImage: `${cluster.registry}/${RUN}/nothing:1` },
      greedy: { builder: 'noop', baseImage: image, packages: ['six'] },
    });
    const { status } = await ready(namespace, 'plain', 10);
    expect(status.resolvedImage).toBe(`${image}@${(await inRegistry(image)).digest}`);
    expect(status.image).toBe(image);
    const envFrom = [{ configMapRef: { name: 'plain-image' } }];
    const told = await outputOf(namespace, status.resolvedImage ?? '', { command: ['env'], envFrom });
    expect(told.split('\n')).toEqual(
      expect.arrayContaining([
        `IMAGE=${status.resolvedImage}`,
        `REPOSITORY=${cluster.registry}/library/python`,
        'TAG=3.11-slim',
        `DIGEST=${status.digest}`,
        '_F_RUNTIME_PACKAGES=six idna',
      ]),
    );
    const missing = conditionsOf(await hasReason(namespace, 'missing', 'BaseImageNotFound', 10));
    expect(missing).toMatchObject({ stalled: true });
    expect(missing.message).toContain(`${cluster.registry}/${RUN}/nothing:1 does not exist`);
    const greedy = conditionsOf(await hasReason(namespace, 'greedy', 'InvalidSpec', 10));
    expect(greedy.message).toContain('spec.packages: the builder noop builds nothing');
    expect(await jobsIn(namespace)).toEqual([]);
    expect(await kubectl(['get', 'ispec', 'plain', '-n', namespace])).toContain('ImageAvailable');
  });
});
