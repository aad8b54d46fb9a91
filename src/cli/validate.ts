/** `imagespec validate`: everything that can be said of ImageSpecs without a cluster. */
import { printReference } from '../image/reference.ts';
import type { Settings } from '../settings.ts';
import type { Source } from './documents.ts';
import { type Finding, failed, inOrder } from './findings.ts';
import { imageSpecsOf, type Judged, judge } from './judge.ts';

export interface Validated {
  readonly findings: readonly Finding[];
  /** A line for each ImageSpec that is good. */
  readonly good: readonly string[];
}

/**
 * Judges every ImageSpec of a file.
 *
 * @param settings those of the operator; without them, what only they decide becomes a warning
 */
export function validate(source: Source, settings?: Settings): Validated {
  const { documents, findings } = imageSpecsOf(source);
  const judged = documents.map((document) => judge(document, settings));
  const good = judged.filter((one) => !failed(one.findings));
  return {
    findings: inOrder([...findings, ...judged.flatMap((one) => one.findings)]),
    good: good.map((one) => `${source.file}: ${one.name} is valid${consequence(one, settings)}`),
  };
}

/** What is known of its image. */
function consequence({ target, moving }: Judged, settings: Settings | undefined): string {
  if (moving.length > 0)
    return `; only the cluster knows its tag, because of ${moving.map(({ field }) => field).join(' and ')}`;
  if (!target || (!settings && target.spec.registry === undefined)) return '';
  return `: ${printReference(target.image)}`;
}
