/** docs/reference.md, made from the CRD: every field of spec and status, its type, default, rules and what it is for. */
import { buildFields } from '../../src/api/spec/build.ts';
import { fileFields } from '../../src/api/spec/files.ts';
import { imageFields } from '../../src/api/spec/image.ts';
import { publishFields } from '../../src/api/spec/publish.ts';
import { pythonFields } from '../../src/api/spec/python.ts';
import { targetFields } from '../../src/api/spec/target.ts';
import { crdSchema } from './crd.ts';

/** The part of an OpenAPI schema that the page shows. */
interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node;
  readonly items?: Node;
  readonly required?: readonly string[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-validations'?: readonly { readonly message: string; readonly fieldPath?: string }[];
}

const HEAD = `<!-- Generated from src/api by "npm run generate"; do not edit. -->
# Reference: ImageSpec

\`apiVersion: imagespec.dev/v1alpha1\`, \`kind: ImageSpec\`, namespaced; short names \`ispec\` and \`imgspec\`. Its name has
at most 63 characters. Every field is optional unless it says otherwise. A sentence in *italics* is what you read when
a value is refused. \`kubectl explain imagespec.spec\` has the same words, \`imagespec validate\` asks the same
questions without a cluster, and [features.md](features.md) says which fields count in the tag.

`;

const GROUPS: readonly [title: string, fields: object][] = [
  ['Where the image goes and what makes it', targetFields],
  ['Python, conda and the base', pythonFields],
  ['The rest of the image', imageFields],
  ['Files of your own', fileFields],
  ['How the build runs', buildFields],
  ['Where the image is told', publishFields],
];

const STATUS = `## Status

Written by the operator, read by you: \`kubectl get imagespec NAME -o yaml\`. \`status.resolvedImage\` is what a pod spec
wants.

`;

/** The page as Markdown, ending in a newline. */
export function referencePage(): string {
  const { spec, status } = crdSchema() as { spec: Node; status: Node };
  const groups = GROUPS.map(([title, fields]) => {
    const sections = Object.keys(fields).map((name) => section(name, spec));
    return `## ${title}\n\n${sections.join('\n')}`;
  });
  return `${HEAD}${groups.join('\n')}\n${STATUS}${withoutBounds(table(status, 'status.'))}`;
}

/** Bounds of what the operator writes are of no use to a reader. */
const withoutBounds = (text: string) => text.replaceAll(/ \([^()|]* characters\)|; required/g, '');

/** One field of the spec with all that is in it. */
function section(name: string, spec: Node): string {
  const node = spec.properties?.[name] as Node;
  const together = (spec['x-kubernetes-validations'] ?? [])
    .filter((rule) => rule.fieldPath === `.${name}`)
    .map((rule) => rule.message);
  const parts = [
    `### spec.${name}`,
    `Type: ${[typeOf(node), ...required(spec, name), ...fallback(node)].join('; ')}.`,
    prose(node.description),
    [...rulesOf(node), ...together].map((message) => `* ${sentence(message)}`).join('\n'),
    inner(node).properties ? table(inner(node), `${name}${node.items ? '[]' : ''}.`).trimEnd() : '',
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function table(node: Node, path: string): string {
  return `| field | type | meaning |\n|---|---|---|\n${rows(node, path).join('\n')}\n`;
}

function rows(node: Node, path: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const facts = [typeOf(child), ...required(node, name), ...fallback(child)].join('; ');
    const meaning = [prose(child.description), ...rulesOf(child).map(sentence)].join(' ').trim();
    const row = `| \`${path}${name}\` | ${facts} | ${meaning.replaceAll('|', '\\|')} |`;
    return [row, ...rows(inner(child), `${path}${name}${child.items ? '[]' : ''}.`)];
  });
}

/** What a list or a field itself holds. */
const inner = (node: Node): Node => node.items ?? node;

function typeOf(node: Node): string {
  if (node.enum) return node.enum.map((value) => `\`${value}\``).join(' or ');
  switch (node.type) {
    case 'array': {
      const once = ['set', 'map'].includes(node['x-kubernetes-list-type'] ?? '') ? ', none twice' : '';
      return `list of ${many(bounds(node.minItems, node.maxItems), node.items as Node)}${once}`;
    }
    case 'string':
      return node.format === 'date-time'
        ? 'time'
        : `string${inBrackets(bounds(undefined, node.maxLength), ' characters')}`;
    case 'integer':
    case 'number':
      return `${node.type === 'integer' ? 'whole number' : 'number'}${inBrackets(bounds(node.minimum, node.maximum), '')}`;
    case 'boolean':
      return 'true or false';
    default:
      return node.additionalProperties?.type
        ? `map of ${many(bounds(undefined, node.maxProperties), node.additionalProperties)} by name`
        : 'object';
  }
}

/** `at most 512 strings (at most 1024 characters each)`. */
function many(count: string, item: Node): string {
  const [, word, rest] = /^(\w+)(?: \((.*)\))?$/.exec(typeOf(item)) ?? [];
  return `${count === '' ? '' : `${count} `}${word}s${rest === undefined ? '' : ` (${rest} each)`}`;
}

const inBrackets = (text: string, unit: string) => (text === '' ? '' : ` (${text}${unit})`);

function bounds(min: number | undefined, max: number | undefined): string {
  if (max === undefined) return min === undefined ? '' : `${min} or more`;
  return min === undefined ? `at most ${max}` : `${min} to ${max}`;
}

const required = (parent: Node, name: string) => (parent.required?.includes(name) ? ['required'] : []);
const fallback = (node: Node) =>
  node.default === undefined ? [] : [`default \`${JSON.stringify(node.default)}\``];

/** The sentences of a field's rules and of its items' rules; those of fields inside have rows of their own. */
function rulesOf(node: Node): string[] {
  const inside = [node.items, node.additionalProperties].map(
    (one) => one?.['x-kubernetes-validations'] ?? [],
  );
  return [...new Set([node['x-kubernetes-validations'] ?? [], ...inside].flat().map((rule) => rule.message))];
}

/** What a user reads when the rule is broken. */
const sentence = (message: string) => `*${prose(message).replace(/[^.]$/, '$&.')}*`;

/** Plain words as Markdown takes them. */
const prose = (text = '') => text.replaceAll(/[*_<\\]/g, '\\$&');
