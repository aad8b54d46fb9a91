/** What observing needs to know of the world. */
import type { ImageSpec } from '../api/image-spec.ts';
import type { RegistryAnswer } from '../api/registry-answer.ts';
import type { ImageReference } from '../image/reference.ts';
import type { Connection } from '../kube/connection.ts';
import type { Settings } from '../settings.ts';
import type { Answers } from './answers.ts';
import type { Builds } from './builds.ts';
import type { Published } from './published.ts';

export interface Sources {
  readonly connection: Connection;
  readonly registry: {
    digestOf(
      ref: ImageReference,
      options?: { signal?: AbortSignal; platforms?: readonly string[] },
    ): Promise<RegistryAnswer>;
  };
  /** An ImageSpec of the cache. */
  readonly imageSpecOf: (namespace: string, name: string) => ImageSpec | undefined;
  readonly settings: Settings;
  readonly builds: Builds;
  readonly published: Pick<Published, 'of'>;
  readonly answers: Answers;
  readonly now: () => Date;
}
