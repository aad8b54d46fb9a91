/** The engines by the name the settings give them. */
import type { BuildContext } from './context.ts';
import type { Engine } from './engine.ts';
import { buildkit } from './engines/buildkit.ts';

export const ENGINES: Readonly<Record<BuildContext['engine'], Engine>> = { BuildKit: buildkit };
