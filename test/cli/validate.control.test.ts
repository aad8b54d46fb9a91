/** What `imagespec validate` lets pass, a real API server takes. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { failed } from '../../src/cli/findings.ts';
import { validate } from '../../src/cli/validate.ts';
import { yamlText } from '../../src/cli/yaml-text.ts';
import { type Connection, connect } from '../../src/kube/connection.ts';
import { BESIDE, spoken, VALUES } from '../api/values.ts';
import { judge } from '../support/judge.ts';

const { kubeconfig, kubectl } = inject('controlPlane');

let connection: Connection;
beforeAll(async () => {
  connection = await connect({ kubeconfig });
  const run = (...args: string[]) => promisify(execFile)(kubectl, ['--kubeconfig', kubeconfig, ...args]);
  await run('apply', '--server-side', '--force-conflicts', '--kustomize', 'crds');
  await run('wait', '--for=condition=Established', '--timeout=30s', 'crd/imagespecs.imagespec.dev');
});
afterAll(async () => {
  await connection.close();
});

test.each(Object.entries(VALUES))('spec.%s', async (field, values) => {
  const differ: string[] = [];
  for (const value of values) {
    const spec = { ...BESIDE[field], [field]: value };
    const object = {
      apiVersion: 'imagespec.dev/v1alpha1',
      kind: 'ImageSpec',
      metadata: { name: 'judged' },
      spec,
    };
    if (failed(validate({ file: 'a.yaml', text: yamlText(object) }).findings)) continue;
    const server = await judge(connection, spec);
    if (!server.accepted) differ.push(`${spoken(value)}: ${server.words}`);
  }
  expect(differ).toEqual([]);
});
