/**
 * Looks at the ConfigMap that spec.publish asks for, and makes it what was decided.
 *
 * Every change names what it was decided upon, by uid and resourceVersion: what anybody did to the ConfigMap meanwhile
 * is found out, and decided upon anew.
 */
import type { ImageSpec, Spec } from '../api/image-spec.ts';
import { changeConfigMap, createConfigMap, deleteConfigMap, getConfigMap } from '../kube/config-maps.ts';
import type { Connection } from '../kube/connection.ts';
import { refusedWords } from '../kube/errors.ts';
import type { Log } from '../log.ts';
import type { Action } from '../plan/decision.ts';
import type { ConfigMapFact, Publication } from '../plan/facts.ts';
import type { Sources } from './sources.ts';
import { configMapView } from './views.ts';

/** One that is ours comes from the watch; only whether the name is taken by another is asked. */
export async function publicationOf(
  { metadata }: ImageSpec,
  spec: Spec,
  { connection, published }: Pick<Sources, 'connection' | 'published'>,
): Promise<Publication> {
  const name = spec.publish?.configMap.name;
  const owned = published.of(metadata);
  const others = owned.filter((one) => one.name !== name);
  if (name === undefined) return { spec, others };
  const known = owned.find((one) => one.name === name);
  return { spec, others, found: known ?? (await find(connection, metadata.namespace, name)) };
}

async function find(
  connection: Connection,
  namespace: string,
  name: string,
): Promise<ConfigMapFact | undefined> {
  const found = await getConfigMap(connection, namespace, name);
  return found && configMapView(found);
}

/** What became of an action. */
export type PublishApplied =
  | { readonly kind: 'done' }
  /** Under the name is something else by now. Decide again. */
  | { readonly kind: 'moved'; readonly found: ConfigMapFact | undefined }
  /** The API server refused the ConfigMap, in its own words. */
  | { readonly kind: 'unpublished'; readonly words: string };

/** @throws KubeError when the API server fails */
export async function publish(
  action: Extract<Action, { configMap: unknown }>,
  namespace: string,
  { connection, log }: { readonly connection: Connection; readonly log: Log },
): Promise<PublishApplied> {
  if (action.kind === 'delete-config-map') {
    const { name } = action.configMap;
    try {
      // One that has changed comes back through the watch.
      const gone = await deleteConfigMap(connection, { namespace, ...action.configMap });
      if (gone) log.info({ configMap: name }, 'Deleted ConfigMap that is not to be published any more');
    } catch (error) {
      // It is in the way of nothing; the next pass tries again.
      log.warn({ configMap: name, words: refusedWords(error) }, 'ConfigMap may not be deleted');
    }
    return { kind: 'done' };
  }
  const { configMap } = action;
  const name = configMap.metadata?.name ?? '';
  try {
    const done =
      action.kind === 'create-config-map'
        ? await createConfigMap(connection, namespace, configMap)
        : await changeConfigMap(connection, { namespace, ...action.seen }, configMap);
    if (!done) return { kind: 'moved', found: await find(connection, namespace, name) };
    log.info({ configMap: name, image: configMap.data?.IMAGE }, 'Published image');
    return { kind: 'done' };
  } catch (error) {
    return { kind: 'unpublished', words: refusedWords(error) };
  }
}
