/**
 * YAML that people write: where each of its fields stands, and mistakes of the YAML itself in words that say what to write,
 * the parser's own where they are as good.
 */
import {
  type Document,
  isCollection,
  isPair,
  isScalar,
  type Node,
  type Scalar,
  visit,
  type YAMLParseError,
} from 'yaml';

/** A mistake of the YAML itself. */
export interface SyntaxProblem {
  /** Where it begins, in characters. */
  readonly at: number;
  readonly message: string;
}

const UNCLOSED = ' has no end: close it, and indent all its lines; after a space, # begins a comment';

/** By the parser's code, and words of its message where one code has several. */
const SENTENCES: readonly (readonly [YAMLParseError['code'], RegExp, string])[] = [
  ['TAB_AS_INDENT', /./, 'indent with spaces: YAML takes no tabs'],
  ['BAD_INDENT', /^Flow sequence/, `the list that begins here with [${UNCLOSED}`],
  ['BAD_INDENT', /^Flow map/, `the mapping that begins here with {${UNCLOSED}`],
  [
    'BAD_INDENT',
    /^All mapping/,
    'indent it as the fields beside it: all of a mapping begin in the same column',
  ],
  ['DUPLICATE_KEY', /./, 'this name is written twice in one mapping: keep one'],
  [
    'MISSING_CHAR',
    /^Missing ,/,
    'write commas between the entries, and quotes around one that holds [, ], { or }',
  ],
  ['BLOCK_AS_IMPLICIT_KEY', /^Nested/, 'put the value in quotes: it holds a colon and a space'],
  [
    'MULTILINE_IMPLICIT_KEY',
    /./,
    'this is neither name: value nor an entry of a list; check its indentation, and the space after the colon or the dash',
  ],
];

/** The first mistake of a document; those after it follow from it more often than not. */
export function syntaxProblem(document: Document): SyntaxProblem | undefined {
  const { errors, contents } = document;
  const error = errors.find(({ code }) => code === 'TAB_AS_INDENT') ?? errors[0];
  if (error === undefined) return misreadName(document);
  const own = SENTENCES.find(([code, words]) => code === error.code && words.test(error.message))?.[2];
  return { at: beginningOf(contents, error), message: own ?? firstLine(error.message) };
}

/** A name without quotes that is no text for YAML: `y` is true, `1.0` is 1, `{{x}}` is a mapping. */
function misreadName(document: Document): SyntaxProblem | undefined {
  let found: SyntaxProblem | undefined;
  visit(document, {
    Pair: (_key, { key }) => {
      const { value, source, range } = key as Scalar;
      if (typeof value === 'string' || typeof value === 'symbol' || String(value) === source)
        return undefined;
      const what = isScalar(key)
        ? `${source || 'nothing'} is read as ${value}`
        : 'a list or mapping stands here';
      found = { at: range?.[0] ?? 0, message: `write a name: ${what}; put it in quotes` };
      return visit.BREAK;
    },
  });
  return found;
}

/** Without the place, which the parser counts in its own way. */
export const firstLine = (text: string) =>
  (text.split('\n')[0] ?? text).replace(/ at line \d+, column \d+:?$/, '');

/** A list in brackets that does not end is noticed where something else begins, far below. */
function beginningOf(contents: Document['contents'], { code, pos }: YAMLParseError): number {
  let [at] = pos;
  if (code !== 'BAD_INDENT') return at;
  visit(contents, {
    Collection: (_key, node) => {
      const [begin = at, , end = at] = isCollection(node) && node.flow && node.range ? node.range : [];
      if (begin < pos[0] && end >= pos[0]) at = begin;
    },
  });
  return at;
}

/** Where the key of a map's entry, the item of a list, or what is nearest above it begins. */
export function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const part of path) {
    if (!isCollection(node)) break;
    const items: unknown[] = node.items;
    const item =
      typeof part === 'number'
        ? items[part]
        : items.find((one) => isPair(one) && String((one.key as { value?: unknown })?.value) === part);
    if (item === undefined) break;
    offset = startOf(isPair(item) ? item.key : item) ?? offset;
    node = isPair(item) ? item.value : item;
  }
  return offset;
}

const startOf = (node: unknown) => (node as Node | null)?.range?.[0];
