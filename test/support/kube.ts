/**
 * What every test on the real API server needs: a connection, a namespace of its own, a log to look into.
 *
 * Each takes the test's own context: the imported `onTestFinished` of tests that run at the same time may clean up
 * after another one's end.
 */
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import type { TestContext } from 'vitest';
import { type Connection, connect } from '../../src/kube/connection.ts';
import { pathOf, type Resource } from '../../src/kube/resource.ts';
import type { Log } from '../../src/log.ts';

/** The test that something is for. */
export type ForTest = Pick<TestContext, 'onTestFinished'>;

export const NAMESPACES: Resource = { apiVersion: 'v1', plural: 'namespaces' };
export const CONFIG_MAPS: Resource = { apiVersion: 'v1', plural: 'configmaps' };

/** A connection that is closed when the test ends. */
export async function connectFor(test: ForTest, kubeconfig: string): Promise<Connection> {
  const connection = await connect({ kubeconfig });
  test.onTestFinished(() => connection.close());
  return connection;
}

/** A new namespace with the default service account, so that Pods may be made in it; deleted when the test ends. */
export async function newNamespace(
  test: ForTest,
  connection: Connection,
  labels: Record<string, string> = {},
): Promise<string> {
  const name = `test-${randomBytes(4).toString('hex')}`;
  const path = pathOf(NAMESPACES, { name });
  await connection.request({
    method: 'POST',
    path: pathOf(NAMESPACES),
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } },
  });
  test.onTestFinished(async () => {
    await connection.request({ method: 'DELETE', path }).catch(() => {});
  });
  return name;
}

/** A log that keeps its lines. */
export function keptLog(): { log: Log; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { base: null, level: 'debug' },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  return { log, lines };
}

/** Small objects to make, change and delete. */
export function configMaps(connection: Connection, namespace: string) {
  const path = (name: string) => pathOf(CONFIG_MAPS, { namespace, name });
  type Made = { metadata: { uid: string; name: string; resourceVersion: string } };
  return {
    create: (name: string, content: Record<string, string> = {}) =>
      connection.request<Made>({
        method: 'POST',
        path: pathOf(CONFIG_MAPS, { namespace }),
        body: {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name, labels: { of: 'test' } },
          data: content,
        },
      }),
    change: (name: string, content: Record<string, string>) =>
      connection.request<Made>({
        method: 'PATCH',
        path: path(name),
        contentType: 'application/merge-patch+json',
        body: { data: content },
      }),
    delete: (name: string) => connection.request<unknown>({ method: 'DELETE', path: path(name) }),
  };
}
