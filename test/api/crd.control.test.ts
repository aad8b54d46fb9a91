/**
 * The CRD on a real API server: accepted, structural, explained; and of one mind with the schema the operator reads
 * with, since both are to refuse the same.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { specSchema } from '../../src/api/image-spec.ts';
import { targetOf } from '../../src/image/target.ts';
import { type Connection, connect } from '../../src/kube/connection.ts';
import { settingsSchema } from '../../src/settings.ts';
import { judge as judgeOn } from '../support/judge.ts';
import { BESIDE, spoken, VALUES } from './values.ts';

const { kubeconfig, kubectl } = inject('controlPlane');
const CRD = 'crd/imagespecs.imagespec.dev';

async function run(...args: string[]): Promise<string> {
  return (await promisify(execFile)(kubectl, ['--kubeconfig', kubeconfig, ...args])).stdout;
}

let connection: Connection;
beforeAll(async () => {
  connection = await connect({ kubeconfig });
});
afterAll(async () => {
  await connection.close();
});

const judge = (spec: unknown, name?: string) => judgeOn(connection, spec, name);

describe('the CRD', () => {
  test('is established, structural and without a remark of the API server', async () => {
    const { status } = JSON.parse(await run('get', CRD, '--output=json'));
    const conditions = status.conditions.map(
      ({ type, status: is }: Record<string, string>) => `${type} ${is}`,
    );
    expect(conditions.sort()).toEqual(['Established True', 'NamesAccepted True']);
    expect(status.acceptedNames.shortNames).toEqual(['ispec', 'imgspec']);
  });

  test('gives a new object its defaults and the status of one nobody has seen', async () => {
    expect(await judge({})).toMatchObject({
      accepted: true,
      object: {
        spec: { recipe: 'v1', profile: 'Generic', platforms: ['linux/amd64'], tagFormat: '{spec_hash}' },
        status: { observedGeneration: -1 },
      },
    });
  });

  test('wants a spec and a name that fits a label', async () => {
    expect(await judge(undefined)).toMatchObject({ words: expect.stringContaining('spec: Required value') });
    expect(await judge({}, 'a'.repeat(64))).toMatchObject({
      words: expect.stringContaining('choose a name of at most 63 characters'),
    });
    expect(await judge({}, 'a'.repeat(63))).toMatchObject({ accepted: true });
  });

  test('explains every field of spec and status with a sentence', async () => {
    // The API server shows the schema of a new CRD a moment later.
    await expect
      .poll(() => run('explain', 'imagespec').catch(() => ''), { timeout: 20_000 })
      .toContain('spec');
    for (const part of [
      'spec',
      'spec.build',
      'spec.build.resources.limits',
      'spec.builderConfig',
      'spec.env',
      'spec.pipSecretMounts',
      'spec.pipSecretMounts.secretKeyRef',
      'spec.source',
      'spec.source.git',
      'status',
      'status.build',
    ]) {
      const [, fields = ''] = (await run('explain', `imagespec.${part}`)).split('FIELDS:\n');
      const entries = fields.split(/\n(?= {2}\S+\t<)/).map((entry) => entry.trim());
      expect(entries.length, part).toBeGreaterThan(1);
      for (const entry of entries) {
        const words = entry.replace(/^.*\n( {2}enum:.*\n)?/, '').replace(/\s+/g, ' ');
        expect(words, `${part}: ${entry}`).toMatch(/^ ?\S.*\.$/);
      }
    }
  });
});

/** What only the server refuses, and what the operator makes of it where it slipped in: it means no harm. */
const SERVER_ONLY: readonly [string, unknown, string][] = [
  ['aptPackages', ['curl', 'curl'], 'Duplicate value'],
];

const settings = settingsSchema.parse({ defaults: { registry: 'registry.example.com' } });
const metadata = { name: 'judged', namespace: 'default', uid: 'u', generation: 1, resourceVersion: '1' };

describe.each(Object.entries(VALUES))('spec.%s', (field, values) => {
  test('is judged alike by the API server and the operator', async () => {
    const differ: string[] = [];
    for (const value of values) {
      const spec = { ...BESIDE[field], [field]: value };
      const server = await judge(spec);
      const operator = targetOf({ metadata, spec }, settings);
      // What the server keeps is what the operator reads: fields it does not know are gone, defaults are in.
      const kept = server.accepted ? specSchema.safeParse(server.object.spec) : undefined;
      if (kept && !kept.success) differ.push(`${spoken(value)}: kept by the server, ${kept.error.message}`);
      if (!server.accepted && operator.ok)
        differ.push(`${spoken(value)}: refused by the server only, ${server.words}`);
    }
    expect(differ).toEqual([]);
  });
});

test('every field of the spec is among them', () => {
  expect(Object.keys(specSchema.shape).filter((field) => !(field in VALUES))).toEqual([]);
});

test.each(SERVER_ONLY)('spec.%s of %j is refused by the server only', async (field, value, words) => {
  expect(await judge({ [field]: value })).toMatchObject({ words: expect.stringContaining(words) });
  expect(targetOf({ metadata, spec: { [field]: value } }, settings).ok).toBe(true);
});
