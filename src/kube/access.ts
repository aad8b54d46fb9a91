/**
 * Who we are to which API server: the Pod's service account, or a kubeconfig file.
 *
 * Inside a cluster nothing of @kubernetes/client-node is loaded: it would cost 57 MiB of memory
 * and 0.7 s at the start for what a token file and a certificate say. A kubeconfig, with all its ways to sign
 * in, is left to it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';

/** Where the server is and how each request shows who sends it. */
export interface Access {
  readonly server: string;
  readonly tls: SecureContextOptions & { servername?: string; rejectUnauthorized?: boolean };
  readonly proxy?: string | undefined;
  /** Authorization and impersonation, asked for with every request. */
  headers(): Promise<Record<string, string>>;
  /** Called when the server answered 401: what is remembered of the credentials is stale. */
  forget(): void;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet replaces the token long before it ends; a minute-old one is always good. */
const TOKEN_AGE_MS = 60_000;

/**
 * The service account of the Pod we run in.
 *
 * @param env the process's environment: the kubelet names the server there
 * @throws when this is no Pod
 */
export async function podAccess(
  env: Record<string, string | undefined>,
  folder = SERVICE_ACCOUNT,
): Promise<Access> {
  const host = env.KUBERNETES_SERVICE_HOST;
  if (!host) {
    throw new Error(
      'No API server to talk to: this is no Pod (KUBERNETES_SERVICE_HOST is not set); name a kubeconfig',
    );
  }
  const ca = await readFile(join(folder, 'ca.crt'), 'utf8');
  let token = '';
  let readAt = Number.NEGATIVE_INFINITY;
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? '443'}`,
    tls: { ca },
    async headers() {
      if (performance.now() - readAt > TOKEN_AGE_MS) {
        token = (await readFile(join(folder, 'token'), 'utf8')).trim();
        readAt = performance.now();
      }
      return { authorization: `Bearer ${token}` };
    },
    forget() {
      readAt = Number.NEGATIVE_INFINITY;
    },
  };
}

/**
 * A kubeconfig file's cluster and user.
 *
 * CA and client certificate are read once; tokens and exec plugins are asked with every request and cache as
 * they see fit.
 *
 * @param context another context than the file's current one
 */
export async function kubeconfigAccess(file: string, context?: string): Promise<Access> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromFile(file);
  if (context !== undefined) config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (!cluster)
    throw new Error(`The kubeconfig ${file} has no cluster for its context ${config.getCurrentContext()}`);
  if (cluster.proxyUrl?.startsWith('socks')) {
    throw new Error(`The kubeconfig ${file} wants a SOCKS proxy, which is not supported`);
  }

  type Options = Parameters<typeof config.applyToHTTPSOptions>[0];
  const ask = async () => {
    const options: Options = {};
    await config.applyToHTTPSOptions(options);
    return options;
  };
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = await ask();
  const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  return {
    server: cluster.server.replace(/\/+$/, ''),
    tls: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined)),
    proxy: cluster.proxyUrl,
    async headers() {
      const { headers, auth } = await ask();
      const basic = auth ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {};
      const entries = Object.entries(headers ?? {}).map(([name, value]) => [
        name.toLowerCase(),
        String(value),
      ]);
      return { ...basic, ...Object.fromEntries(entries) };
    },
    forget() {},
  };
}
