/** The stage of tests with a BuildKit daemon: in a namespace of its own, for builds of namespaces that are restricted. */
import { installDaemon } from '../../scripts/cluster/daemon.ts';
import { cluster, createNamespace, ENGINE_IMAGE, kubectl } from './e2e.ts';

/** Of namespaces in which nothing but the clients of a daemon builds. */
export const RESTRICTED = { 'pod-security.kubernetes.io/enforce': 'restricted' };

/**
 * Settings with two builders: `daemon`, which is the usual one, and `buildkit`, with a daemon for each build.
 *
 * @param address the daemon's
 */
export function daemonSettings(address: string): { readonly builders: readonly object[] } {
  const usual = { engine: 'BuildKit', image: ENGINE_IMAGE };
  const daemon = { address, sharedTrust: true };
  return {
    builders: [
      { ...usual, name: 'buildkit', priority: 5 },
      { ...usual, name: 'daemon', priority: 9, daemon },
    ],
  };
}

/** What clients show and check, as the keys of a Secret. */
export interface Identity {
  readonly 'ca.crt': string;
  readonly 'tls.crt': string;
  readonly 'tls.key': string;
}

export interface Daemon {
  readonly namespace: string;
  /** As in a builder's settings. */
  readonly address: string;
  readonly client: Identity;
}

/** Installs the component in a new namespace. */
export async function startDaemon(): Promise<Daemon> {
  const namespace = await createNamespace('a BuildKit daemon');
  const address = await installDaemon(cluster, namespace);
  const secret = ['get', 'secret', 'buildkit-client', `--namespace=${namespace}`, '--output=json'];
  const { data } = JSON.parse(await kubectl(secret));
  const text = (key: string) => Buffer.from(data[key], 'base64').toString();
  const client = { 'ca.crt': text('ca.crt'), 'tls.crt': text('tls.crt'), 'tls.key': text('tls.key') };
  return { namespace, address, client };
}

/** Lets a namespace build with a daemon. */
export async function giveIdentity(namespace: string, identity: Identity): Promise<void> {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'buildkit-client' } };
  await kubectl(
    ['apply', `--namespace=${namespace}`, '--filename', '-'],
    JSON.stringify({ ...secret, stringData: identity }),
  );
}
