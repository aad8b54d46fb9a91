/** Starts one control plane that knows ImageSpecs for all `*.control.test.ts` files of a run, and stops it afterwards. */
import type { TestProject } from 'vitest/node';
import { run } from '../../scripts/cluster/run.ts';
import { type ControlPlaneAddress, startControlPlane } from './control-plane.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    controlPlane: ControlPlaneAddress;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, kubeconfig, kubectl, stop } = await startControlPlane();
  const onIt = (...args: string[]) => run(kubectl, ['--kubeconfig', kubeconfig, ...args]);
  await onIt('apply', '--server-side', '--kustomize', 'crds');
  await onIt('wait', '--for=condition=Established', '--timeout=30s', 'crd/imagespecs.imagespec.dev');
  project.provide('controlPlane', { url, kubeconfig, kubectl });
  return stop;
}
