/** YAML that every reader takes alike: those of Kubernetes, of Python and our own. */
import { Document, isScalar, visit } from 'yaml';

/** What some readers refuse as it is, and some take for the end of a line; in double quotes it may be an escape. */
const ONLY_ESCAPED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/;
const ALL = new RegExp(ONLY_ESCAPED, 'g');
/** Space at the beginning of a line, which in a block some take for its indentation. */
const BEGINS_WITH_SPACE = /^\s|\n[ ]*\t|\r/;

const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** One document, quoted for readers of YAML 1.1; a Map is a mapping whose keys keep their order. */
export function yamlText(value: unknown): string {
  const document = new Document(value, {
    version: '1.1',
    aliasDuplicateObjects: false,
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || !tag.tag.endsWith(':omap')),
  });
  visit(document, {
    Scalar: (_key, node) => {
      if (!isScalar(node) || typeof node.value !== 'string') return;
      if (ONLY_ESCAPED.test(node.value) || BEGINS_WITH_SPACE.test(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return document
    .toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER })
    .replace(ALL, escaped);
}

/** The first character of a text that readers of YAML do not agree on, and its place; a mark of byte order may lead. */
export function disputedIn(text: string): { at: number; message: string } | undefined {
  const at = text.slice(1).search(ONLY_ESCAPED) + 1;
  if (at === 0) return undefined;
  const character = text.charAt(at);
  const name = `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  const message = `readers of YAML do not agree on ${name}: write it as ${escaped(character)} in double quotes`;
  return { at, message };
}
