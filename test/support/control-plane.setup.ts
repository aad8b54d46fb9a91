/** Starts one control plane for all `*.control.test.ts` files of a run, and stops it afterwards. */
import type { TestProject } from 'vitest/node';
import { type ControlPlaneAddress, startControlPlane } from './control-plane.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    controlPlane: ControlPlaneAddress;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, kubeconfig, kubectl, stop } = await startControlPlane();
  project.provide('controlPlane', { url, kubeconfig, kubectl });
  return stop;
}
