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

/** The kinds of requests a registry got after the first so many: what was read and what was written. */
function kindsOf({ requests }: RegistryServer, before: number): string[] {
  const kinds = requests
    .slice(before)
    .filter((request) => / 20\d$/.test(request))
    .map((request) => request.replace(/^(\S+) .*\/(manifests|blobs)\/.*$/, '$1 $2'));
  return [...new Set(kinds)].sort();
}

/** Each engine has settings of its own for all of this. */
const BUILDERS = ['buildkit', 'kaniko'];

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

    test.for(BUILDERS)(
      'a mirror gives the base of a registry that cannot be reached: %s',
      async (builder, { newNamespace }) => {
        const namespace = await newNamespace();
        const mirror = registries[MIRROR]!;
        const before = mirror.requests.length;
        const baseImage = 'original.test/library/python:3.11-slim';
        const spec = { name: `${RUN}/mirrored-${builder}`, builder, baseImage, commands: ['echo made'] };
        await apply(namespace, { mirrored: spec });
        const { status } = await ready(namespace, 'mirrored');
        expect(status.resolvedImage).toContain(`${cluster.registry}/${spec.name}:`);
        expect(kindsOf(mirror, before)).toEqual(expect.arrayContaining(['GET blobs', 'GET manifests']));
      },
    );

    test.for(
      BUILDERS.flatMap((builder) => [
        ['an endpoint', builder, 'alias.test', ALIASED] as const,
        ['an authority of the settings', builder, SIGNED, SIGNED] as const,
        ['a certificate that is not checked', builder, 'unsigned.test', UNSIGNED] as const,
      ]),
    )(
      '%s is how an image is pushed, found and built on: %s',
      async ([, builder, host, address], { newNamespace }) => {
        const namespace = await newNamespace();
        const registry = registries[address]!;
        const spec = { registry: `${host}/team`, builder, name: `${RUN}/${builder}-1` };
        await apply(namespace, { first: { ...spec, commands: ['echo made > /made'] } });
        const before = registry.requests.length;
        const first = await ready(namespace, 'first');
        expect(first.status.resolvedImage).toContain(`${host}/team/${spec.name}:`);
        expect(first.status.checkedBy).toBe('Operator');
        const written = kindsOf(registry, before);
        expect(written).toEqual(expect.arrayContaining(['PUT manifests', 'HEAD manifests']));

        const pushed = registry.requests.length;
        const baseImage = first.status.image;
        const second = { ...spec, name: `${RUN}/${builder}-2`, baseImage, commands: ['cat /made'] };
        await apply(namespace, { second });
        await ready(namespace, 'second');
        expect(kindsOf(registry, pushed)).toEqual(expect.arrayContaining(['GET blobs']));
      },
    );
  },
  settings,
);
