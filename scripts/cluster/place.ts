/**
 * Where the single node lives: its folder, its names on the host and its addresses.
 *
 * They are the same for every checkout on a machine, because there is one cluster at a time. Everything of
 * ours on the host is found by one of these names.
 */
import { join } from 'node:path';

/** The node's folder: settings, certificates, logs, etcd, images, volumes. `down` removes all of it. */
export const FOLDER = '/var/lib/imagespec-operator-cluster';

/** The network namespace of the node. */
export const NETWORK_NAMESPACE = 'imagespec';
/** The host's end of the cable between host and node. */
export const LINK = 'imagespec0';
/** The cgroup, in every hierarchy, below which all pods live. */
export const CGROUP = 'imagespec';
/** The node's name in Kubernetes. */
export const NODE = 'imagespec';

export const NETWORK = '10.200.0.0/24';
export const HOST_ADDRESS = '10.200.0.1';
export const NODE_ADDRESS = '10.200.0.2';
export const POD_NETWORK = '10.244.0.0/24';
export const SERVICE_NETWORK = '10.96.0.0/16';

/** Host and port of the registry, plain HTTP, the same for the host, the node and its pods. */
export const REGISTRY = `${NODE_ADDRESS}:5000`;
export const API_SERVER = `https://${NODE_ADDRESS}:6443`;
/** What holds a pod's namespaces; `scripts/images/pause.ts` makes it. */
export const PAUSE_IMAGE = `${REGISTRY}/pause:3.10`;

/** A path in the node's folder. */
export function inFolder(...names: string[]): string {
  return join(FOLDER, ...names);
}

/** For the administrator, with the certificates inside. */
export const KUBECONFIG = inFolder('kubeconfig');
export const KUBECTL = inFolder('kubectl');

/** A program of the node. They are kept in its folder, so that it does not depend on the cache. */
export function program(name: string): string {
  return inFolder('bin', name);
}
