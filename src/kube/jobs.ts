/**
 * Build Jobs and who owns them.
 *
 * Each word may be said again: a Job's name makes it once, owners are merged by uid, and what changes or deletes a
 * Job names the uid it means, so a newer Job of the same name is never touched.
 */
import type { V1Job, V1OwnerReference } from '../api/kubernetes.ts';
import { FIELD_MANAGER } from '../api/names.ts';
import { CONTENT, type Connection } from './connection.ts';
import { KubeError } from './errors.ts';
import { JOBS, pathOf } from './resource.ts';

/** A webhook may take half a minute, and the server then has words of its own. */
const CREATE_TIMEOUT_MS = 35_000;

/** Which Job is meant; another one under its name is none of our business. */
export interface JobId {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/**
 * Makes a Job, or finds the one that has its name.
 *
 * @returns the Job as the server has it; with `created: false` it is for the caller to judge
 * @throws KubeError, such as code 403 when a policy refuses it, in the policy's words
 */
export async function createJob(
  connection: Connection,
  job: V1Job,
): Promise<{ readonly created: boolean; readonly job: V1Job }> {
  const namespace = job.metadata?.namespace ?? '';
  const name = job.metadata?.name ?? '';
  for (let tries = 1; ; tries += 1) {
    try {
      const made = await connection.request<V1Job>({
        method: 'POST',
        path: pathOf(JOBS, { namespace }),
        query: { fieldManager: FIELD_MANAGER },
        body: { apiVersion: 'batch/v1', kind: 'Job', ...job },
        timeoutMs: CREATE_TIMEOUT_MS,
      });
      return { created: true, job: made };
    } catch (error) {
      // A 409 can also be a quota being counted: reason Conflict, for the queue to try again.
      if (!(error instanceof KubeError && error.reason === 'AlreadyExists')) throw error;
      const existing = await readJob(connection, namespace, name);
      if (existing !== undefined) return { created: false, job: existing };
      if (tries === 2) throw error;
    }
  }
}

/** The Job as the server has it now; undefined when it is gone. */
export async function readJob(
  connection: Connection,
  namespace: string,
  name: string,
): Promise<V1Job | undefined> {
  try {
    return await connection.request<V1Job>({ method: 'GET', path: pathOf(JOBS, { namespace, name }) });
  } catch (error) {
    if (error instanceof KubeError && error.code === 404) return undefined;
    throw error;
  }
}

/** The Jobs that carry a label, straight from the server: what a watch has not brought yet is here. */
export async function listJobs(
  connection: Connection,
  namespace: string,
  labelSelector: string,
): Promise<V1Job[]> {
  const list = await connection.request<{ items: V1Job[] }>({
    method: 'GET',
    path: pathOf(JOBS, { namespace }),
    query: { labelSelector },
  });
  return list.items;
}

/**
 * What became of a change to a Job: `gone` also when its name now belongs to another one, `changed` only when a
 * resourceVersion was given and no longer fits.
 */
export type JobChange = 'done' | 'gone' | 'changed';

/** Adds an owner, or leaves it as it is: the Job lives as long as any of its owners. */
export function addOwner(connection: Connection, job: JobId, owner: V1OwnerReference): Promise<JobChange> {
  return patchOwners(connection, job, [owner]);
}

/**
 * Takes an owner off; the others stay. A Job left without any is not collected: delete it instead.
 *
 * @param resourceVersion change only what is still as it was read; needed to know that there are others
 */
export function removeOwner(
  connection: Connection,
  job: JobId,
  ownerUid: string,
  resourceVersion?: string,
): Promise<JobChange> {
  return patchOwners(connection, job, [{ $patch: 'delete', uid: ownerUid }], resourceVersion);
}

/**
 * Strategic merge, as the garbage collector itself does it: by uid, in one step, whoever wrote the other owners.
 * Server-side apply would need the creator's reference in an apply of its own: what a POST sets, no apply takes away.
 */
function patchOwners(
  connection: Connection,
  job: JobId,
  ownerReferences: (V1OwnerReference | { $patch: 'delete'; uid: string })[],
  resourceVersion?: string,
): Promise<JobChange> {
  const seen = resourceVersion === undefined ? {} : { resourceVersion };
  const patched = connection.request({
    method: 'PATCH',
    path: pathOf(JOBS, job),
    query: { fieldManager: FIELD_MANAGER },
    contentType: CONTENT.strategic,
    body: { metadata: { uid: job.uid, ...seen, ownerReferences } },
  });
  return jobChangeOf(patched, connection, job, resourceVersion);
}

/**
 * Deletes a Job and, in the background, its Pods.
 *
 * @param resourceVersion delete only what is still as it was read; needed when the reason is that nobody owns it
 */
export function deleteJob(connection: Connection, job: JobId, resourceVersion?: string): Promise<JobChange> {
  const seen = resourceVersion === undefined ? {} : { resourceVersion };
  const deleted = connection.request({
    method: 'DELETE',
    path: pathOf(JOBS, job),
    body: {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: 'Background',
      preconditions: { uid: job.uid, ...seen },
    },
  });
  return jobChangeOf(deleted, connection, job, resourceVersion);
}

async function jobChangeOf(
  request: Promise<unknown>,
  connection: Connection,
  job: JobId,
  resourceVersion: string | undefined,
): Promise<JobChange> {
  try {
    await request;
    return 'done';
  } catch (error) {
    if (await isGone(connection, job, error)) return 'gone';
    if (resourceVersion !== undefined && error instanceof KubeError && error.code === 409) return 'changed';
    throw error;
  }
}

/** 404; or a conflict (delete) or an invalid uid (patch) because the name is another Job's now. */
async function isGone(connection: Connection, job: JobId, error: unknown): Promise<boolean> {
  if (!(error instanceof KubeError)) return false;
  if (error.code !== 409 && error.code !== 422) return error.code === 404;
  const now = await readJob(connection, job.namespace, job.name);
  return now?.metadata?.uid !== job.uid;
}
