/**
 * The program of the Job beside a BuildKit daemon (manifests/components/buildkit-daemon): sees to it that the two
 * Secrets of mutual TLS are there and good for a while.
 *
 * It runs with a ServiceAccount of its own, which may make Secrets in its namespace and read and change these two. The
 * operator is no part of it and has no such right.
 */
import { parseArgs } from 'node:util';
import { CONTENT, type Connection, connect } from '../kube/connection.ts';
import { KubeError } from '../kube/errors.ts';
import { pathOf, type Resource } from '../kube/resource.ts';
import { goodUntil, makePair, type Side } from './certificates.ts';

const HELP = `usage: pki --server SECRET --client SECRET --name NAME

Makes the certificates of a BuildKit daemon and its clients, if they are missing or about to end.

  --server SECRET    for the daemon: ca.crt, tls.crt, tls.key
  --client SECRET    for the builds: ca.crt, tls.crt, tls.key
  --name NAME        in the daemon's certificate
  --namespace NAME   of the Secrets (default: POD_NAMESPACE)
  --kubeconfig FILE  the API server to use; without it, the pod's own`;

const DAY_MS = 86_400_000;
/** All three certificates are good for so long: builds tell of the end by name, and it is made anew by one command. */
const VALID_DAYS = 730;
const RENEW_DAYS = 30;

const SECRETS: Resource = { apiVersion: 'v1', plural: 'secrets' };

/** As the API server shows it. */
interface Secret {
  readonly data?: Readonly<Record<string, string>>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      server: { type: 'string' },
      client: { type: 'string' },
      name: { type: 'string' },
      namespace: { type: 'string' },
      kubeconfig: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const { server, client, name } = values;
  const namespace = values.namespace ?? process.env.POD_NAMESPACE;
  if (values.help || !server || !client || !name || !namespace) {
    console.log(HELP);
    process.exit(values.help ? 0 : 2);
  }
  const connection = await connect({ kubeconfig: values.kubeconfig, env: process.env });
  try {
    const secrets = new Secrets(connection, namespace);
    const ends = Math.min(...(await Promise.all([server, client].map((name) => secrets.goodUntil(name)))));
    if (ends > Date.now() + RENEW_DAYS * DAY_MS) {
      console.log(`${server} and ${client} are good until ${new Date(ends).toISOString().slice(0, 10)}`);
      return;
    }
    const pair = await makePair(name, VALID_DAYS);
    // The daemon waits for its own: once that is there, both are.
    await secrets.write(client, pair.authority, pair.client);
    await secrets.write(server, pair.authority, pair.server);
    console.log(`made ${server} and ${client}; a daemon that runs already must be started again`);
  } finally {
    await connection.close();
  }
}

/** The two Secrets, by name. */
class Secrets {
  readonly #connection: Connection;
  readonly #namespace: string;

  constructor(connection: Connection, namespace: string) {
    this.#connection = connection;
    this.#namespace = namespace;
  }

  /** In milliseconds; 0 where there is none, or nothing in it. */
  async goodUntil(name: string): Promise<number> {
    try {
      const { data } = await this.#connection.request<Secret>({ method: 'GET', path: this.#path(name) });
      return goodUntil(Buffer.from(data?.['tls.crt'] ?? '', 'base64').toString());
    } catch (error) {
      if (error instanceof KubeError && error.code === 404) return 0;
      throw error;
    }
  }

  async write(name: string, authority: string, side: Side): Promise<void> {
    await this.#connection.request({
      method: 'PATCH',
      path: this.#path(name),
      query: { fieldManager: 'imagespec-pki', force: true },
      contentType: CONTENT.apply,
      body: {
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/tls',
        metadata: { name, labels: { 'app.kubernetes.io/name': 'buildkitd' } },
        data: {
          'ca.crt': base64(authority),
          'tls.crt': base64(side.certificate),
          'tls.key': base64(side.key),
        },
      },
    });
  }

  #path(name: string): string {
    return pathOf(SECRETS, { namespace: this.#namespace, name });
  }
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
