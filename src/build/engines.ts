/** The engines by the name the settings give them; the engine Noop builds nothing and is none of them. */
import type { BuilderSetting } from '../settings.ts';
import type { Engine } from './engine.ts';
import { buildkit } from './engines/buildkit.ts';
import { custom } from './engines/custom.ts';
import { kaniko } from './engines/kaniko.ts';

export type EngineName = 'BuildKit' | 'Kaniko' | 'Custom';

export const ENGINES: Readonly<Record<EngineName, Engine>> = {
  BuildKit: buildkit,
  Kaniko: kaniko,
  Custom: custom,
};

/** What a namespace must admit (pod-security.kubernetes.io/enforce) for the pods of a builder; a template may need all. */
export const podSecurityOf = ({ engine }: Pick<BuilderSetting, 'engine'>): 'privileged' | 'baseline' =>
  ENGINES[engine as EngineName]?.podSecurity ?? 'privileged';
