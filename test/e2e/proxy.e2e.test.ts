/** A proxy between the cluster and the world. */
import { afterAll, beforeAll, expect } from 'vitest';
import { HOST_ADDRESS } from '../../scripts/cluster/place.ts';
import { apply, cluster, RUN, ready, test, withOperator } from '../support/e2e.ts';
import { type ForwardProxy, startForwardProxy } from '../support/forward-proxy.ts';
import { type RegistryServer, startRegistry } from '../support/registry-server.ts';

const PROXY = `${HOST_ADDRESS}:5731`;
/** Only the proxy knows where this is. */
const BEHIND = 'registry.behind-the-proxy.test';

withOperator(
  'a proxy',
  () => {
    let proxy: ForwardProxy;
    let registry: RegistryServer;
    beforeAll(async () => {
      registry = await startRegistry();
      proxy = await startForwardProxy(PROXY, { [`${BEHIND}:80`]: registry.host });
    });
    afterAll(async () => {
      await Promise.all([proxy?.stop(), registry?.stop()]);
    });

    test.for(['buildkit', 'kaniko'])(
      'is asked by the operator, the engine and the steps of a build, except for what needs none: %s',
      async (builder, { newNamespace }) => {
        proxy.asked.clear();
        const namespace = await newNamespace();
        const spec = {
          registry: `${BEHIND}/team`,
          name: `${RUN}/proxied-${builder}`,
          builder,
          aptPackages: ['hello'],
          packages: ['six'],
          commands: ['test "$HTTP_PROXY" = "$http_proxy" && test -n "$HTTPS_PROXY"'],
        };
        await apply(namespace, { proxied: spec });
        const { status } = await ready(namespace, 'proxied');
        expect(status).toMatchObject({ checkedBy: 'Operator' });
        expect(status.resolvedImage).toContain(`${BEHIND}/team/${RUN}/proxied-${builder}:`);

        const asked = [...proxy.asked.keys()];
        expect(asked).toContain(`${BEHIND}:80`);
        // The Debian mirror and the package index, each by its own way through a proxy.
        expect(asked.filter((one) => one.endsWith(':80')).length).toBeGreaterThan(1);
        expect(asked.filter((one) => one.endsWith(':443'))).not.toEqual([]);
        expect(asked).not.toContain(cluster.registry);
        const tag = status.image?.split(':').at(-1);
        const manifest = `/v2/team/${RUN}/proxied-${builder}/manifests/${tag}`;
        expect(registry.requests).toEqual(
          expect.arrayContaining([`HEAD ${manifest} 404`, `PUT ${manifest} 201`, `HEAD ${manifest} 200`]),
        );
      },
    );
  },
  {
    proxy: { http: `http://${PROXY}`, https: `http://${PROXY}`, noProxy: [cluster.registry.split(':')[0]] },
    registries: [
      { host: BEHIND, insecure: true },
      { host: cluster.registry, insecure: true },
      { host: 'docker.io', endpoint: `http://${cluster.registry}` },
      { host: 'ghcr.io', endpoint: `http://${cluster.registry}` },
    ],
  },
);
