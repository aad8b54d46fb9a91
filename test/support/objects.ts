/** ImageSpecs, Jobs and settings for tests of decisions. */
import type { ImageSpec } from '../../src/api/image-spec.ts';
import type { Status } from '../../src/api/status.ts';
import { type Settings, settingsSchema } from '../../src/settings.ts';

export const settings: Settings = settingsSchema.parse({});

export function imageSpec(
  spec: object,
  more: { name?: string; generation?: number; status?: Status } = {},
): ImageSpec {
  return {
    metadata: {
      name: more.name ?? 'sklearn',
      namespace: 'team-a',
      uid: 'uid-1',
      generation: more.generation ?? 1,
      resourceVersion: '7',
    },
    spec: { registry: 'ghcr.io/acme', ...spec },
    status: more.status,
  };
}
