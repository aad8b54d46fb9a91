/** Kinds of objects and where they live under the API server's address. */
import { API_VERSION, PLURAL } from '../api/names.ts';

/** One kind, as its URL names it. */
export interface Resource {
  readonly apiVersion: string;
  readonly plural: string;
}

export const IMAGE_SPECS: Resource = { apiVersion: API_VERSION, plural: PLURAL };
export const JOBS: Resource = { apiVersion: 'batch/v1', plural: 'jobs' };
export const PODS: Resource = { apiVersion: 'v1', plural: 'pods' };
export const CONFIG_MAPS: Resource = { apiVersion: 'v1', plural: 'configmaps' };
export const EVENTS: Resource = { apiVersion: 'events.k8s.io/v1', plural: 'events' };

/** The path of a collection, an object or its subresource; without a namespace, of all namespaces. */
export function pathOf(
  resource: Resource,
  where: { namespace?: string | undefined; name?: string; subresource?: string } = {},
): string {
  const root = resource.apiVersion.includes('/') ? 'apis' : 'api';
  const namespace = where.namespace === undefined ? [] : ['namespaces', encodeURIComponent(where.namespace)];
  const name = where.name === undefined ? [] : [encodeURIComponent(where.name)];
  const subresource = where.subresource === undefined ? [] : [where.subresource];
  return ['', root, resource.apiVersion, ...namespace, resource.plural, ...name, ...subresource].join('/');
}
