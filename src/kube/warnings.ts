/**
 * What the cluster itself says is wrong with an object: exceeded quota, a Pod refused by policy, an image that
 * cannot be pulled, a Secret that is not there. Only Events carry these words.
 */
import type { Connection } from './connection.ts';
import { EVENTS, pathOf } from './resource.ts';

/** One warning, as said last. */
export interface Warning {
  readonly reason: string;
  readonly message: string;
  readonly time: Date;
}

/** As much as is read of an object's Events; they live an hour. */
const LIMIT = 100;

interface RawEvent {
  reason?: string;
  note?: string;
  eventTime?: string | null;
  series?: { lastObservedTime?: string };
  deprecatedLastTimestamp?: string | null;
  metadata: { creationTimestamp: string };
}

/**
 * The warnings about one object, newest first.
 *
 * @param about the object, by uid: an earlier one of the same name does not count
 * @throws KubeError when the server could not be asked
 */
export async function warningsOf(
  connection: Connection,
  about: { namespace: string; kind: string; name: string; uid: string },
): Promise<Warning[]> {
  const { namespace, kind, name, uid } = about;
  const page = await connection.request<{ items: RawEvent[] }>({
    method: 'GET',
    path: pathOf(EVENTS, { namespace }),
    query: {
      fieldSelector: `regarding.kind=${kind},regarding.name=${name},regarding.uid=${uid},type=Warning`,
      limit: LIMIT,
    },
  });
  return page.items
    .map((event) => ({
      reason: event.reason ?? '',
      message: event.note ?? '',
      time: new Date(
        event.series?.lastObservedTime ??
          event.deprecatedLastTimestamp ??
          event.eventTime ??
          event.metadata.creationTimestamp,
      ),
    }))
    .sort((a, b) => b.time.getTime() - a.time.getTime());
}
