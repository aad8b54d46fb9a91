/** What the tool has to say about a file: one line each, as compilers write them. */
import type { Problem } from '../image/effective.ts';
import type { KubernetesObject } from './documents.ts';

export interface Finding {
  /** An error makes the program fail; a warning is only said. */
  readonly severity: 'error' | 'warning';
  readonly file: string;
  readonly line: number;
  /** As in `spec.packages[0]`; '' where it is about the whole file. */
  readonly field: string;
  /** What is wrong and what to write instead. */
  readonly message: string;
}

/** `file:line: field: message`; a warning says so. */
export function printed({ severity, file, line, field, message }: Finding): string {
  const about = field === '' ? '' : `${field}: `;
  return `${file}:${line}: ${severity === 'warning' ? 'warning: ' : ''}${about}${message}`;
}

export const failed = (findings: readonly Finding[]) => findings.some(({ severity }) => severity === 'error');

/** Those of one file by their lines, each once. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  const each = new Map(findings.map((finding) => [printed(finding), finding]));
  return [...each.values()].sort((a, b) => a.line - b.line);
}

/** A problem of a spec, at its line. */
export function findingOf(
  document: KubernetesObject,
  { field, message }: Problem,
  severity: Finding['severity'] = 'error',
): Finding {
  return { severity, file: document.file, line: document.lineOf(pathOf(field)), field, message };
}

/** `spec.env[0].name` as `['spec', 'env', 0, 'name']`. */
export function pathOf(field: string): (string | number)[] {
  return [...field.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([part, index]) => (index ? Number(index) : part));
}
