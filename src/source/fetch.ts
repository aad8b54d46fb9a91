/** Fetches a source of whatever kind: the one door of this room. */
import { treeOfFiles } from '../image/tree.ts';
import type { RegistryClient } from '../registry/registry-client.ts';
import type { Settings } from '../settings.ts';
import { fetchConfigMap } from './config-map.ts';
import type { Fetched } from './fetched.ts';
import { fetchGit } from './git.ts';
import { fetchOci } from './oci.ts';

/** A source as a pod is asked for it: files, git or oci; with none of them the mounted ConfigMap is meant. */
export interface SourceRequest {
  readonly files?: Readonly<Record<string, string>> | undefined;
  /** The commit, where it is known, goes before the ref; without either the default branch is meant. */
  readonly git?:
    | { readonly url: string; readonly ref?: string | undefined; readonly commit?: string | undefined }
    | undefined;
  /** Reference of an artifact or image, by tag or digest. */
  readonly oci?: string | undefined;
}

/** What fetching may use. */
export interface Access {
  /** With the tenant's credentials. */
  readonly registry: RegistryClient;
  /** PEM file of all certificate authorities. */
  readonly caFile: string;
  readonly proxy?: Settings['proxy'];
  /** Where a ConfigMap is mounted. */
  readonly configMap: string;
  /** Where the Secret of a git source is mounted, if there is one: a file a key. */
  readonly gitSecret: string;
  /** In memory, for what is made of that Secret. */
  readonly auth: string;
  /** For what is fetched; the tree reads from it. */
  readonly folder: string;
}

/** @throws SourceFailure when the source cannot be had */
export async function fetchSource({ files, git, oci }: SourceRequest, access: Access): Promise<Fetched> {
  if (files) return { tree: treeOfFiles(files) };
  if (git) return await fetchGit(git, access);
  if (oci !== undefined) return await fetchOci(oci, access);
  return fetchConfigMap(access.configMap);
}
