/**
 * BuildKit in Daemon mode: the component as a user installs it, builds from a namespace under restricted Pod Security,
 * caches that live on, and a daemon that is away, distrusted or killed.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { makePair } from '../../src/pki/certificates.ts';
import { type Daemon, daemonSettings, giveIdentity, RESTRICTED, startDaemon } from '../support/daemon.ts';
import {
  apply,
  change,
  conditionsOf,
  createNamespace,
  deleteNamespace,
  hasReason,
  kubectl,
  outputOf,
  podsIn,
  RUN,
  reached,
  ready,
  type Shown,
  statusOf,
  test,
  type Written,
  withOperator,
} from '../support/e2e.ts';
import { inRegistry } from '../support/in-registry.ts';

/** What an image is to who runs it. */
const LOOK_AROUND = `import glob, json, os, subprocess
def text(path):
    try:
        return open(path).read()
    except OSError:
        return ''
print(json.dumps({
    'env': {k: v for k, v in os.environ.items() if k not in ('HOSTNAME',) and not k.startswith('KUBERNETES_')},
    'user': os.getuid(),
    'folder': os.getcwd(),
    'debs': subprocess.run(['dpkg-query', '-W'], capture_output=True, text=True).stdout,
    'files': sorted(f for top in ('/opt/venv', '/srv', '/app') for f in glob.glob(top + '/**', recursive=True)),
    'made': text('/srv/made'),
}, sort_keys=True))`;

const SPECS: Readonly<Record<string, Written>> = {
  packages: { packages: ['requests', 'pydantic'], aptPackages: ['hello'] },
  words: {
    env: [
      { name: 'QUOTES', value: `he said "it's" $HOME \`so\`` },
      { name: 'LINES', value: ' first\nsecond ' },
    ],
    labels: { 'org.example.note': 'two\nlines' },
    commands: ['cd /srv', 'printf %s "it\'s $((1+1)), $(id -u)" >made'],
    workdir: '/srv/here',
    user: '1234:2345',
    entrypoint: ['python3', '-c', LOOK_AROUND],
  },
  version: { pythonVersion: '3.11', packages: ['six==1.17.0'], user: '1000' },
  plain: { commands: ['mkdir -p /srv; id -u >/srv/made'] },
};

const inNamespace = (namespace: string, ...args: string[]) => kubectl([...args, `--namespace=${namespace}`]);

/** What the engine said in the last build of an ImageSpec. */
const engineLog = async (namespace: string, { status }: Shown) =>
  await inNamespace(namespace, 'logs', `job/${status.build?.jobName}`, '--container=build');

let daemon: Daemon;

withOperator(
  'a BuildKit daemon',
  () => {
    let team: string;
    let jobs: string;
    const scale = (replicas: number) =>
      inNamespace(daemon.namespace, 'scale', 'deployment/buildkitd', `--replicas=${replicas}`);
    const daemonReady = () =>
      inNamespace(daemon.namespace, 'rollout', 'status', 'deployment/buildkitd', '--timeout=120s');

    beforeAll(async () => {
      [team, jobs] = await Promise.all([
        createNamespace('builds with a daemon', RESTRICTED),
        createNamespace('builds with a daemon of their own'),
      ]);
    });
    afterAll(async () => {
      await Promise.all([daemon?.namespace, team, jobs].filter(Boolean).map(deleteNamespace));
    });

    test('is waited for where its Secret is missing, and builds in a restricted namespace when it comes', async () => {
      await apply(team, { packages: { ...SPECS.packages, name: `${RUN}/daemon/packages` } });
      const waits = await hasReason(team, 'packages', 'BuildPending', 30);
      expect(conditionsOf(waits).message).toContain('secret "buildkit-client" not found');
      await giveIdentity(team, daemon.client);
      const shown = await ready(team, 'packages', 180);
      expect(shown.status.build?.builder).toBe('daemon');
      const [pod] = await podsIn(team);
      expect(pod?.spec?.volumes?.map(({ name }) => name)).not.toContain('buildkit');
    });

    test('makes the images that a build with a daemon of its own makes', async () => {
      const specs = (where: string, more: Written) =>
        Object.fromEntries(
          Object.entries(SPECS).map(([name, spec]) => [
            name,
            { ...spec, ...more, name: `${RUN}/${where}/${name}` },
          ]),
        );
      await apply(team, specs('daemon', {}));
      await apply(jobs, specs('job', { builder: 'buildkit' }));
      for (const name of Object.keys(SPECS)) {
        const [one, other] = [await ready(team, name, 240), await ready(jobs, name, 240)];
        expect(one.status.specHash).toBe(other.status.specHash);
        const [by, byOther] = [one.status.resolvedImage ?? '', other.status.resolvedImage ?? ''];
        expect((await inRegistry(by)).config, name).toEqual((await inRegistry(byOther)).config);
        const look = { command: ['python3', '-c', LOOK_AROUND] };
        // Restricted Pod Security is not for images that run as root.
        const said = await outputOf(jobs, by, look);
        expect(JSON.parse(said), name).toEqual(JSON.parse(await outputOf(jobs, byOther, look)));
      }
    });

    test('keeps what it downloaded: one package more downloads one package', async () => {
      const more = { packages: ['requests', 'pydantic', 'six'], aptPackages: ['hello'] };
      await apply(team, { more: { ...more, name: `${RUN}/daemon/more` } });
      await apply(jobs, { more: { ...more, name: `${RUN}/job/more`, builder: 'buildkit' } });
      const downloaded = async (namespace: string) => {
        const log = await engineLog(namespace, await ready(namespace, 'more', 180));
        return Number(/Prepared (\d+) packages?/.exec(log)?.[1] ?? 0);
      };
      // A version of six may be there from another spec.
      expect(await downloaded(team)).toBeLessThanOrEqual(1);
      expect(await downloaded(jobs)).toBeGreaterThan(5);
    });

    test('keeps no layer from a build that is to be fresh', async () => {
      const before = await ready(team, 'plain', 5);
      const cached = / RUN [^\n]*\n#\d+ CACHED$/m;
      await apply(team, { twin: { ...SPECS.plain, name: `${RUN}/daemon/twin` } });
      expect(await engineLog(team, await ready(team, 'twin', 120))).toMatch(cached);
      await change(team, 'plain', { rebuild: 1 });
      const holds = ({ status }: Shown) =>
        status.build?.jobName !== before.status.build?.jobName && status.build?.completionTime !== undefined;
      const again = await statusOf(team, 'plain', 'was built again', holds, 120);
      expect(await engineLog(team, again)).not.toMatch(cached);
    });

    describe('that fails', () => {
      const spec = (word: string, more: Written = {}) => ({
        name: `${RUN}/daemon/${word}`,
        commands: [`echo ${word}`],
        ...more,
      });

      test('by a certificate of somebody else is told with the name of the Secret, and heals', async ({
        newNamespace,
      }) => {
        const [stranger, foreign] = [await newNamespace(RESTRICTED), await newNamespace(RESTRICTED)];
        const other = await makePair('buildkitd', 1);
        const pair = { 'tls.crt': other.client.certificate, 'tls.key': other.client.key };
        await giveIdentity(stranger, { ...pair, 'ca.crt': other.authority });
        await giveIdentity(foreign, { ...pair, 'ca.crt': daemon.client['ca.crt'] });
        for (const namespace of [stranger, foreign]) await apply(namespace, { it: spec('trusted') });
        for (const namespace of [stranger, foreign]) {
          const refused = await reached(
            `${namespace} is refused`,
            async () => conditionsOf(await hasReason(namespace, 'it', 'BuildPending', 60)).message,
            (message) => message.includes('certificates'),
            60,
          );
          expect(refused).toContain(daemon.address);
          expect(refused).toContain('Secret buildkit-client');
        }
        expect(conditionsOf(await hasReason(stranger, 'it', 'BuildPending', 1)).message).toContain('x509');
        await giveIdentity(stranger, daemon.client);
        await ready(stranger, 'it', 180);
      });

      test('by being away is waited for', async () => {
        await scale(0);
        await apply(team, { away: spec('away') });
        const waits = await hasReason(team, 'away', 'BuildPending', 120);
        expect(conditionsOf(waits)).toMatchObject({ stalled: false, reconciling: true });
        expect(conditionsOf(waits).message).toContain(
          `the BuildKit daemon ${daemon.address} does not answer`,
        );
        await scale(1);
        await daemonReady();
        await ready(team, 'away', 180);
      });

      test('in the middle of a build costs an attempt', async () => {
        await apply(team, { killed: spec('killed', { commands: ['sleep 8; echo killed'] }) });
        await reached(
          'the command runs',
          async () => {
            const { status } = await statusOf(
              team,
              'killed',
              'builds',
              (seen) => seen.status.build !== undefined,
            );
            const log = ['logs', `job/${status.build?.jobName}`, '--container=build'];
            return await inNamespace(team, ...log).catch(() => '');
          },
          (log) => log.includes('commands/run.sh'),
          90,
        );
        await inNamespace(
          daemon.namespace,
          ...['delete', 'pod', '--selector=app.kubernetes.io/name=buildkitd', '--grace-period=0', '--force'],
        );
        const failed = await statusOf(
          team,
          'killed',
          'has failed',
          ({ status }) => status.lastFailure !== undefined,
        );
        const { lastFailure } = failed.status;
        expect(lastFailure, lastFailure?.message).toMatchObject({ reason: 'Interrupted', step: 'build' });
        const { status } = await ready(team, 'killed', 180);
        expect(status.build?.attempt).toBe(2);
      });
    });
  },
  async () => {
    daemon = await startDaemon();
    return daemonSettings(daemon.address);
  },
);
