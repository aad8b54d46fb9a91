/**
 * A real control plane for tests: etcd, kube-apiserver, kube-controller-manager; no node, so Pods stay Pending.
 *
 * On loopback with free ports and a folder and certificates of its own, so several may run side by side. Nothing of it
 * is left after `stop()`, and no process is left even if the tests are killed.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { etcd, kubernetes } from '../../scripts/cluster/parts.ts';
import { certificates, writeKubeconfig } from '../../scripts/cluster/pki.ts';
import { run } from '../../scripts/cluster/run.ts';
import { kubeconfigAccess } from '../../src/kube/access.ts';
import { type Guarded, startGuarded } from './guarded.ts';

/** What a test needs to know of a control plane; plain values, so that it can be handed to another process. */
export interface ControlPlaneAddress {
  readonly url: string;
  /** Path of a kubeconfig whose user may do everything. */
  readonly kubeconfig: string;
  /** Path of the kubectl of the same version. */
  readonly kubectl: string;
}

export interface ControlPlane extends ControlPlaneAddress {
  stopApiServer(signal?: 'KILL' | 'TERM'): Promise<void>;
  /** Starts the API server again on the same port; resolves when it is ready. */
  startApiServer(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a control plane and waits until it is ready.
 *
 * @param options.controllers without them nothing is collected and no Job gets Pods, but it starts faster
 */
export async function startControlPlane(options: { controllers?: boolean } = {}): Promise<ControlPlane> {
  const [programs, etcdProgram] = await Promise.all([kubernetes(), etcd()]);
  const folder = await mkdtemp(join(tmpdir(), 'imagespec-control-plane-'));
  const inFolder = (name: string) => join(folder, name);
  const [etcdPort = 0, peerPort = 0, port = 0, controllerPort = 0] = await freePorts(4);
  const url = `https://127.0.0.1:${port}`;
  const running: Guarded[] = [];
  let apiServer: Guarded | undefined;

  const start = (name: string, command: readonly string[]) => {
    const program = startGuarded(command, inFolder(`${name}.log`));
    running.push(program);
    return program;
  };
  const stop = async () => {
    await Promise.all(running.map((program) => program.end()));
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const startApiServer = async () => {
    const started = start('kube-apiserver', [
      join(programs, 'kube-apiserver'),
      ...['--bind-address=127.0.0.1', '--advertise-address=127.0.0.1', `--secure-port=${port}`],
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      '--service-cluster-ip-range=10.96.0.0/16',
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      '--allow-privileged=true',
      `--tls-cert-file=${inFolder('apiserver.crt')}`,
      `--tls-private-key-file=${inFolder('apiserver.key')}`,
      `--client-ca-file=${inFolder('ca.crt')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-signing-key-file=${inFolder('sa.key')}`,
      `--service-account-key-file=${inFolder('sa.key')}`,
      '--endpoint-reconciler-type=none',
      // Otherwise a SIGTERM lets open watches live on for a minute.
      '--shutdown-watch-termination-grace-period=2s',
    ]);
    apiServer = started;
    await ready(url, inFolder('kubeconfig'), started, inFolder('kube-apiserver.log'));
  };

  try {
    await certificates(folder, '127.0.0.1', 'no-node');
    await writeKubeconfig(inFolder('kubeconfig'), folder, 'admin', url);
    const client = `http://127.0.0.1:${etcdPort}`;
    const peer = `http://127.0.0.1:${peerPort}`;
    start('etcd', [
      etcdProgram,
      ...[`--data-dir=${inFolder('etcd')}`, '--unsafe-no-fsync', '--log-level=warn'],
      ...[`--listen-client-urls=${client}`, `--advertise-client-urls=${client}`],
      ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
      `--initial-cluster=default=${peer}`,
    ]);
    await startApiServer();
    if (options.controllers ?? true) {
      await writeKubeconfig(inFolder('controllers.kubeconfig'), folder, 'controller-manager', url);
      start('kube-controller-manager', [
        join(programs, 'kube-controller-manager'),
        `--kubeconfig=${inFolder('controllers.kubeconfig')}`,
        `--authentication-kubeconfig=${inFolder('controllers.kubeconfig')}`,
        `--authorization-kubeconfig=${inFolder('controllers.kubeconfig')}`,
        ...['--bind-address=127.0.0.1', `--secure-port=${controllerPort}`, '--leader-elect=false'],
        '--use-service-account-credentials',
        `--service-account-private-key-file=${inFolder('sa.key')}`,
        `--root-ca-file=${inFolder('ca.crt')}`,
      ]);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    kubeconfig: inFolder('kubeconfig'),
    kubectl: join(programs, 'kubectl'),
    stopApiServer: async (signal) => apiServer?.end(signal),
    startApiServer,
    stop,
  };
}

/** Makes an API server know ImageSpecs. */
export async function installImageSpecs(plane: ControlPlaneAddress): Promise<void> {
  const kubectl = (...args: string[]) => run(plane.kubectl, ['--kubeconfig', plane.kubeconfig, ...args]);
  await kubectl('apply', '--server-side', '--kustomize', 'crds');
  await kubectl('wait', '--for=condition=Established', '--timeout=30s', 'crd/imagespecs.imagespec.dev');
}

async function ready(url: string, kubeconfig: string, program: Guarded, log: string): Promise<void> {
  const { tls } = await kubeconfigAccess(kubeconfig);
  const dispatcher = new Agent({ connect: tls });
  const until = performance.now() + 120_000;
  try {
    while (performance.now() < until && !program.ended()) {
      const answer = await request(`${url}/readyz`, { dispatcher, headersTimeout: 5_000 }).catch(
        () => undefined,
      );
      await answer?.body.dump();
      if (answer?.statusCode === 200) return;
      await sleep(100);
    }
  } finally {
    await dispatcher.destroy();
  }
  const words = (await readFile(log, 'utf8')).trim().split('\n').slice(-10).join('\n');
  throw new Error(`The API server for the tests did not become ready:\n${words}`);
}

/** Ports nobody listens on. Another process may take one before we do: then the start fails, visibly. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
