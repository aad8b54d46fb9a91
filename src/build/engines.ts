/** The engines by the name the settings give them; the engine Noop builds nothing and is none of them. */
import type { Engine } from './engine.ts';
import { buildkit } from './engines/buildkit.ts';
import { kaniko } from './engines/kaniko.ts';

export type EngineName = 'BuildKit' | 'Kaniko';

export const ENGINES: Readonly<Record<EngineName, Engine>> = { BuildKit: buildkit, Kaniko: kaniko };
