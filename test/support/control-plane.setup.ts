/** Starts one control plane that knows ImageSpecs for all `*.control.test.ts` files of a run, and stops it afterwards. */
import type { TestProject } from 'vitest/node';
import { type ControlPlaneAddress, installImageSpecs, startControlPlane } from './control-plane.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    controlPlane: ControlPlaneAddress;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { url, kubeconfig, kubectl, stop } = await startControlPlane();
  const address = { url, kubeconfig, kubectl };
  await installImageSpecs(address);
  project.provide('controlPlane', address);
  return stop;
}
