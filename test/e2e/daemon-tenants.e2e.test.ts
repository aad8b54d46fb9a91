/**
 * What code that runs in a build can reach when the builds of two namespaces share a BuildKit daemon, and what when
 * each build has a daemon of its own: the truth behind docs/buildkit-daemon.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { HOST_ADDRESS, NETWORK_NAMESPACE } from '../../scripts/cluster/place.ts';
import { run } from '../../scripts/cluster/run.ts';
import { type Daemon, daemonSettings, giveIdentity, RESTRICTED, startDaemon } from '../support/daemon.ts';
import {
  apply,
  cluster,
  createNamespace,
  deleteNamespace,
  kubectl,
  outputOf,
  RUN,
  ready,
  test,
  withOperator,
} from '../support/e2e.ts';
import { type Guarded, startGuarded } from '../support/guarded.ts';
import { type Report, serveHostile } from '../support/hostile-package.ts';

const PACKAGES = `${HOST_ADDRESS}:5790`;
const METADATA = '169.254.169.254';
/** Stands in the Secrets of the build that is looked at: for its index, and for its push. */
const CANARIES = { index: `index-canary-${RUN}`, push: `push-canary-${RUN}` };

/** A cloud's metadata service, on the node itself: nothing of it leaves this machine. */
const METADATA_SERVER = `require('node:http').createServer((_, response) => response.end('credentials of the node'))
.listen(80, '${METADATA}')`;

const hostile = (where: string) => ({
  packages: [`hostile @ http://${PACKAGES}/${RUN}-${where}/hostile-1.0.tar.gz`],
  name: `${RUN}/hostile-${where}`,
});

let daemon: Daemon;

withOperator(
  'code in a build',
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'imagespec-tenants-'));
    let metadata: Guarded | undefined;
    let packages: { stop(): Promise<void> } | undefined;
    let daemons: string[];
    let victims: string;
    let strangers: string;
    let jobs: string;

    beforeAll(async () => {
      [victims, strangers, jobs] = await Promise.all([
        createNamespace('whose builds are looked at', RESTRICTED),
        createNamespace('who looks', RESTRICTED),
        createNamespace('who looks in a build of its own'),
      ]);
      const address = ['addr', 'replace', `${METADATA}/32`, 'dev', 'lo'];
      await run('ip', ['-n', NETWORK_NAMESPACE, ...address]);
      const enter = ['nsenter', `--net=/run/netns/${NETWORK_NAMESPACE}`];
      metadata = startGuarded(
        [...enter, process.execPath, '-e', METADATA_SERVER],
        join(folder, 'metadata.log'),
      );
      daemons = ['127.0.0.1:1234', daemon.address.replace('tcp://', '')];
      packages = await serveHostile(PACKAGES, {
        daemons,
        apiServer: '10.96.0.1:443',
        metadata: `http://${METADATA}/`,
        foreignFile: '/run/index-login',
        patience: 20,
        canaries: [CANARIES.push],
      });
      for (const namespace of [victims, strangers]) await giveIdentity(namespace, daemon.client);
      const login = { username: 'somebody', password: CANARIES.push };
      const config = JSON.stringify({ auths: { [cluster.registry]: login } });
      const secret = ['create', 'secret', 'generic', `--namespace=${victims}`];
      await kubectl([...secret, 'index', `--from-literal=login=${CANARIES.index}`]);
      const type = '--type=kubernetes.io/dockerconfigjson';
      await kubectl([...secret, 'push', type, `--from-literal=.dockerconfigjson=${config}`]);
    });
    afterAll(async () => {
      await metadata?.end();
      await run('ip', ['-n', NETWORK_NAMESPACE, 'addr', 'del', `${METADATA}/32`, 'dev', 'lo']).catch(
        () => {},
      );
      await packages?.stop();
      await Promise.all([daemon?.namespace, victims, strangers, jobs].filter(Boolean).map(deleteNamespace));
      rmSync(folder, { recursive: true });
    });

    async function reportOf(namespace: string, name: string): Promise<Report> {
      const { status } = await ready(namespace, name, 240);
      const script =
        'import hostile, pathlib; print(pathlib.Path(hostile.__path__[0], "report.json").read_text())';
      const report = await outputOf(jobs, status.resolvedImage ?? '', { command: ['python', '-c', script] });
      return JSON.parse(report);
    }

    test('with a daemon that others use too', async () => {
      await apply(victims, {
        victim: {
          packages: [`slow @ http://${PACKAGES}/${RUN}/slow-1.0.tar.gz`],
          name: `${RUN}/victim`,
          pushSecretRef: { name: 'push' },
          pipSecretMounts: [{ secretKeyRef: { name: 'index', key: 'login' }, path: '/run/index-login' }],
        },
      });
      await apply(strangers, { first: hostile('first') });
      const report = await reportOf(strangers, 'first');
      await ready(victims, 'victim', 120);

      // It is root in the daemon's user namespace, in the network of the daemon's pod.
      expect(report.user).toBe(0);
      // Without a certificate the daemon says nothing, not even on its own loopback.
      for (const address of daemons) {
        expect(report.daemons[address]).toMatch(/certificate required|reset|broken pipe/i);
      }
      // The API server can be reached and gives nothing to who has no token; there is none to be found.
      expect(report.apiServer).toMatch(/^40[13]$/);
      expect(report.token).toEqual([]);
      // Nor are the daemon's key, its files, its memory, and the push credentials, which never leave the client's pod.
      expect(report).toMatchObject({ key: [], daemonCache: [], dockerConfig: [], canaries: [] });

      // What one trust domain means: other builds that run at the same time, with the Secrets of their package steps;
      expect(report.foreignFile).toEqual([CANARIES.index]);
      // the life of every process of the daemon;
      expect(report.killable.some((name) => name.startsWith('buildkitd'))).toBe(true);
      // and what the node can reach, unless the network keeps the component's NetworkPolicy, as this node's does not.
      expect(report.metadata).toBe('credentials of the node');

      // Namespaces have package caches of their own; builds of one namespace share theirs, with what others left in it.
      expect(report.leftInCache).toEqual([]);
      await apply(strangers, { second: hostile('second') });
      await apply(victims, { third: hostile('third') });
      expect((await reportOf(strangers, 'second')).leftInCache).toEqual([`hostile-${RUN}-first`]);
      expect((await reportOf(victims, 'third')).leftInCache).toEqual([]);
    });

    test('with a daemon of its own', async () => {
      await apply(jobs, {
        first: { ...hostile('job'), builder: 'buildkit' },
      });
      const report = await reportOf(jobs, 'first');
      expect(report).toMatchObject({ key: [], daemonCache: [], dockerConfig: [] });
      expect(report).toMatchObject({ token: [], foreignFile: [], canaries: [], leftInCache: [] });
      expect(report.apiServer).toMatch(/^40[13]$/);
      expect(report.metadata).toBe('credentials of the node');
    });
  },
  async () => {
    daemon = await startDaemon();
    return daemonSettings(daemon.address);
  },
);
