/** What the settings say of registries: mirrors, other names, authorities of one's own; each really used by a build. */
import { afterAll, beforeAll, expect } from 'vitest';
import { localSettings } from '../../scripts/cluster/operator.ts';
import { HOST_ADDRESS } from '../../scripts/cluster/place.ts';
import { selfSigned, signed } from '../support/certificate.ts';
import { apply, cluster, RUN, ready, test, withOperator } from '../support/e2e.ts';
import { type RegistryServer, startRegistry } from '../support/registry-server.ts';

const at = (port: number) => `${HOST_ADDRESS}:${port}`;
const usual = await localSettings(cluster);
const inCluster = { endpoint: `http://${cluster.registry}` };

const MIRROR = at(5721);
const ALIASED = at(5722);
const SIGNED = at(5723);
const UNSIGNED = at(5724);
const certificate = signed([HOST_ADDRESS]);
const unknown = selfSigned([HOST_ADDRESS]);

const settings = {
  caBundle: [usual.caBundle ?? '', certificate.authorityPem].join('\n'),
  registries: [
    // Only its mirror can be reached: these names have no registry behind them.
    { host: 'original.test', mirrors: [MIRROR] },
    { host: MIRROR, insecure: true },
    { host: 'alias.test', endpoint: `http://${ALIASED}` },
    { host: SIGNED },
    { host: 'unsigned.test', endpoint: `https://${UNSIGNED}`, insecure: true },
    { host: cluster.registry, insecure: true },
    { host: 'docker.io', ...inCluster },
    { host: 'ghcr.io', ...inCluster },
  ],
};

/** The kinds of requests a registry got: what was read and what was written. */
function kindsOf({ requests }: RegistryServer): string[] {
  const kinds = requests
    .filter((request) => / 20\d$/.test(request))
    .map((request) => request.replace(/^(\S+) .*\/(manifests|blobs)\/.*$/, '$1 $2'));
  return [...new Set(kinds)].sort();
}

withOperator(
  'settings of registries',
  () => {
    const registries: Record<string, RegistryServer> = {};
    beforeAll(async () => {
      const started = await Promise.all([
        startRegistry({ address: MIRROR, mirrorOf: `http://${cluster.registry}` }),
        startRegistry({ address: ALIASED }),
        startRegistry({ address: SIGNED, certificate }),
        startRegistry({ address: UNSIGNED, certificate: unknown }),
      ]);
      for (const registry of started) registries[registry.host] = registry;
    });
    afterAll(async () => {
      await Promise.all(Object.values(registries).map((registry) => registry.stop()));
    });

    test('a mirror gives the base of a registry that cannot be reached', async ({ newNamespace }) => {
      const namespace = await newNamespace();
      const baseImage = 'original.test/library/python:3.11-slim';
      await apply(namespace, { mirrored: { name: `${RUN}/mirrored`, baseImage, commands: ['echo made'] } });
      const { status } = await ready(namespace, 'mirrored');
      expect(status.resolvedImage).toContain(`${cluster.registry}/${RUN}/mirrored:`);
      expect(kindsOf(registries[MIRROR]!)).toEqual(expect.arrayContaining(['GET blobs', 'GET manifests']));
    });

    test.for([
      ['an endpoint', 'alias.test', ALIASED],
      ['an authority of the settings', SIGNED, SIGNED],
      ['a certificate that is not checked', 'unsigned.test', UNSIGNED],
    ] as const)(
      '%s is how an image is pushed, found and built on',
      async ([, host, address], { newNamespace }) => {
        const namespace = await newNamespace();
        const spec = { registry: `${host}/team`, name: `${RUN}/first`, commands: ['echo made > /made'] };
        await apply(namespace, { first: spec });
        const first = await ready(namespace, 'first');
        expect(first.status.resolvedImage).toContain(`${host}/team/${RUN}/first:`);
        expect(first.status.checkedBy).toBe('Operator');
        const written = kindsOf(registries[address]!);
        expect(written).toEqual(expect.arrayContaining(['PUT manifests', 'HEAD manifests']));

        const onTop = {
          ...spec,
          name: `${RUN}/second`,
          baseImage: first.status.image,
          commands: ['cat /made'],
        };
        await apply(namespace, { second: onTop });
        await ready(namespace, 'second');
        expect(kindsOf(registries[address]!)).toEqual(expect.arrayContaining(['GET blobs']));
      },
    );
  },
  settings,
);
