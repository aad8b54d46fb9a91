/**
 * Kubernetes types under their known names, so that pure rooms need not name the client.
 *
 * Types only. They are the client's own, as they are on the wire: what we list, watch and get is raw
 * JSON, so a time is a string here where the client's class says Date.
 */
// biome-ignore lint/style/noRestrictedImports: types only, nothing of the client is loaded
import type * as client from '@kubernetes/client-node';

/** `T` as JSON carries it. */
type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? { [Key in keyof T]: Wire<T[Key]> }
      : T;

export type V1Job = Wire<client.V1Job>;
export type V1Pod = Wire<client.V1Pod>;
export type V1PodSpec = Wire<client.V1PodSpec>;
export type V1Container = Wire<client.V1Container>;
export type V1ContainerStatus = Wire<client.V1ContainerStatus>;
export type V1ContainerState = Wire<client.V1ContainerState>;
export type V1Volume = Wire<client.V1Volume>;
export type V1VolumeMount = Wire<client.V1VolumeMount>;
export type V1ResourceRequirements = Wire<client.V1ResourceRequirements>;
export type V1ConfigMap = Wire<client.V1ConfigMap>;
export type V1OwnerReference = Wire<client.V1OwnerReference>;
export type V1ObjectReference = Wire<client.V1ObjectReference>;
