/** Several platforms: a build for each, put together as one image. */
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect } from 'vitest';
import { baseForTwoPlatforms } from '../support/base-386.ts';
import {
  apply,
  change,
  cluster,
  conditionsOf,
  hasReason,
  jobsIn,
  outputOf,
  RUN,
  ready,
  statusOf,
  test,
  withOperator,
} from '../support/e2e.ts';
import { tagsOf } from '../support/in-registry.ts';

interface Index {
  readonly mediaType: string;
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform: { readonly os: string; readonly architecture: string };
  }[];
}

async function indexOf(image: string): Promise<Index> {
  const [, repository, digest] = /^[^/]+\/([^:@]+):[^@]+@(.+)$/.exec(image) ?? [];
  const answer = await fetch(`http://${cluster.registry}/v2/${repository}/manifests/${digest}`, {
    headers: { accept: 'application/vnd.oci.image.index.v1+json' },
  });
  return (await answer.json()) as Index;
}

const MACHINE = 'import struct, sys; print(struct.calcsize("P") * 8, *sys.argv[1:])';

withOperator('several platforms', (operator) => {
  let baseImage: string;
  beforeAll(async () => {
    baseImage = await baseForTwoPlatforms(cluster.registry);
  });

  test('become one index whose images run, with packages, each on its own platform', async ({
    newNamespace,
  }) => {
    const namespace = await newNamespace();
    const spec = {
      baseImage,
      name: `${RUN}/both`,
      platforms: ['linux/amd64', 'linux/386'],
      packages: ['six==1.17.0'],
      commands: ['python3 -c "import struct; print(struct.calcsize(chr(80)) * 8)" > /bits'],
      entrypoint: ['python3', '-c', `import six; ${MACHINE}; print(open("/bits").read())`],
    };
    await apply(namespace, { both: spec });
    // A controller that dies over and over neither builds twice nor leaves a platform out.
    for (const pause of [200, 1000, 4000, 9000]) {
      await sleep(pause);
      await operator.kill();
      await operator.start();
    }
    const both = await ready(namespace, 'both', 240);
    const { resolvedImage = '', image = '' } = both.status;
    const index = await indexOf(resolvedImage);
    expect(index.mediaType).toBe('application/vnd.oci.image.index.v1+json');
    const platforms = index.manifests.map(({ platform }) => `${platform.os}/${platform.architecture}`);
    expect(platforms.sort()).toEqual(['linux/386', 'linux/amd64']);
    const tag = image.split(':').at(-1);
    expect((await tagsOf(`${RUN}/both`)).sort()).toEqual(
      [tag, `${tag}-linux-386`, `${tag}-linux-amd64`].sort(),
    );
    for (const { digest, platform } of index.manifests) {
      const said = await outputOf(namespace, `${image}@${digest}`, { args: [platform.architecture] });
      const bits = platform.architecture === '386' ? '32' : '64';
      expect(said).toBe(`${bits} ${platform.architecture}\n${bits}\n\n`);
    }
    expect((await jobsIn(namespace)).length).toBe(3);

    // Anew: each platform and then the index; the old image stays usable meanwhile.
    await change(namespace, 'both', { rebuild: 1 });
    await change(namespace, 'both', { rebuild: 2 });
    const again = await statusOf(
      namespace,
      'both',
      'is built anew',
      ({ status, metadata }) => status.rebuild === 2 && status.observedGeneration === metadata.generation,
      240,
    );
    expect(conditionsOf(again).ready).toBe('True');
    expect((await jobsIn(namespace)).length).toBe(6);
  });

  test('of which one has no base image: says which, and what is missing', async ({ newNamespace }) => {
    const namespace = await newNamespace();
    await apply(namespace, {
      odd: { baseImage, name: `${RUN}/odd`, platforms: ['linux/amd64', 'linux/386/v9'] },
    });
    const odd = conditionsOf(await hasReason(namespace, 'odd', 'BaseImageNotFound', 120));
    expect(odd).toMatchObject({ stalled: true });
    expect(odd.message).toContain('linux/386/v9');
    expect(odd.message).toContain('exists, but not for linux/386/v9');
  });
});
