/**
 * YAML as the user wrote it: the ImageSpecs in it, and on which line each of their fields stands.
 *
 * Scalars are read as `kubectl` reads them, by YAML 1.1: `yes` and `on` are true, `3.10` is the number 3.1. Unlike
 * there, neither times nor numbers to the base of 60 are made of plain text.
 */
import { type Document, LineCounter, parseAllDocuments, type Tags } from 'yaml';
import { firstLine, offsetOf, syntaxProblem } from '../syntax.ts';
import { disputedIn } from './yaml-text.ts';

/** A text with its name in messages. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

/** One YAML document. */
export interface YamlDocument {
  readonly file: string;
  readonly value: unknown;
  /** The same with a Map for every mapping: its keys are in the order in which they are written. */
  readonly ordered: () => unknown;
  /** Line of the node at a path, or of the nearest above it that there is; the first line is 1. */
  lineOf(path: readonly (string | number)[]): number;
  /** The scalar at a path as it is written, without quotes: `3.10`, where its value is 3.1. */
  writtenAt(path: readonly (string | number)[]): string | undefined;
  /** True for a scalar without quotes, whose type is guessed from its text. */
  isPlain(path: readonly (string | number)[]): boolean;
}

/** One object for Kubernetes: a document, or an item of a List in it. */
export type KubernetesObject = Pick<YamlDocument, 'file' | 'value' | 'lineOf'>;

/** A mistake of the file, with its line. */
export interface LineProblem {
  readonly line: number;
  readonly message: string;
}

export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads all documents of a text; empty ones are left out. */
export function readDocuments({ file, text }: Source): {
  documents: YamlDocument[];
  problems: LineProblem[];
} {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, version: '1.1', customTags: plainTags });
  const documents: YamlDocument[] = [];
  const problems: LineProblem[] = [];
  const disputed = disputedIn(text);
  if (disputed) problems.push({ line: lines.linePos(disputed.at).line, message: disputed.message });
  for (const document of 'empty' in parsed ? [] : parsed) {
    const wrong = syntaxProblem(document);
    if (wrong) problems.push({ line: lines.linePos(wrong.at).line, message: wrong.message });
    if (wrong || document.contents === null) continue;
    const value = unfolded(document, problems, lines);
    if (value === undefined) continue;
    documents.push({
      file,
      value,
      ordered: () => document.toJS({ maxAliasCount: MOST_ALIASES, mapAsMap: true }),
      lineOf: (path) => lines.linePos(offsetOf(document, path)).line,
      writtenAt: (path) => (document.getIn(path, true) as { source?: string } | undefined)?.source,
      isPlain: (path) => (document.getIn(path, true) as { type?: string } | undefined)?.type === 'PLAIN',
    });
  }
  return { documents, problems };
}

/** What `kubectl get -o yaml` puts into a List is as good as documents of its own. */
export function objectsIn(document: YamlDocument): KubernetesObject[] {
  const { file, value } = document;
  if (!isMap(value) || value.kind !== 'List' || !Array.isArray(value.items)) return [document];
  return value.items.map((item: unknown, index) => ({
    file,
    value: item,
    lineOf: (path) => document.lineOf(['items', index, ...path]),
  }));
}

const MOST_ALIASES = 100;

/** The tags of YAML 1.1 as Kubernetes knows them. */
function plainTags(tags: Tags): Tags {
  const known = tags.filter(
    (tag) =>
      typeof tag === 'string' ||
      ((tag as { format?: string }).format !== 'TIME' && !/:(timestamp|omap|pairs|set)$/.test(tag.tag)),
  );
  return known.map((tag) => (typeof tag !== 'string' && tag.tag.endsWith(':float') ? withDigits(tag) : tag));
}

/** `.`, `-.` and `e3` are text for Kubernetes and for Python; for the parser they would be numbers, and none. */
function withDigits<T extends { readonly test?: RegExp }>(tag: T): T {
  const { source = '' } = tag.test ?? {};
  return /inf/i.test(source) ? tag : { ...tag, test: new RegExp(`^(?=[-+]?\\.?[0-9])(?:${source})`) };
}

/** Aliases may be made to unfold without end; then there is no value, but a problem. */
function unfolded(document: Document, problems: LineProblem[], lines: LineCounter): unknown {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    const line = lines.linePos(document.range?.[0] ?? 0).line;
    problems.push({ line, message: firstLine(error instanceof Error ? error.message : String(error)) });
    return undefined;
  }
}
