/** What `imagespec validate` lets pass, a real API server takes. */
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { failed } from '../../src/cli/findings.ts';
import { validate } from '../../src/cli/validate.ts';
import { yamlText } from '../../src/cli/yaml-text.ts';
import { type Connection, connect } from '../../src/kube/connection.ts';
import { BESIDE, spoken, VALUES } from '../api/values.ts';
import { judge } from '../support/judge.ts';

const { kubeconfig } = inject('controlPlane');

let connection: Connection;
beforeAll(async () => {
  connection = await connect({ kubeconfig });
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
