/**
 * What is wrong with a value, for whoever wrote it: where a schema has no sentence of its own, zod's would say what was
 * found, and not what to write.
 */
import type { z } from 'zod';
import { advice } from './nearest.ts';

/** One thing to change, and where. */
export interface Mistake {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Everything that is wrong with a value, each thing once; nothing where the schema takes it. */
export function mistakesIn(error: z.ZodError): Mistake[] {
  const said = new Set<string>();
  return error.issues.flatMap(eachKey).filter(({ path, message, code }) => {
    const place = JSON.stringify(path);
    // A value of another type has no length to speak of.
    if (said.has(place) || said.has(`${place} ${message}`)) return false;
    said.add(code === 'invalid_type' ? place : `${place} ${message}`);
    return true;
  });
}

/** Fields that there are not, each at its own place. */
function eachKey(issue: z.core.$ZodIssue): (Mistake & { readonly code?: string })[] {
  if (issue.code !== 'unrecognized_keys') return [issue];
  const sentences = issue.message.split('\n');
  return issue.keys.map((key, at) => ({ path: [...issue.path, key], message: sentences[at] ?? '' }));
}

type Issue = z.core.$ZodRawIssue;
type Schema = z.core.$ZodTypes | undefined;

/** For zod: the sentence of an issue whose schema has none; several unknown fields are a line each. */
export function sentenceOf(issue: Issue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return wrongType(issue.input, issue.schema as Schema, issue.expected);
    case 'invalid_value':
      return `write ${issue.values.map(String).join(' or ')}`;
    case 'unrecognized_keys': {
      const known = fieldsOf(issue.schema as Schema);
      return issue.keys.map((key) => `there is no such field; ${advice(key, known)}`).join('\n');
    }
    case 'too_small':
      return `write at least ${issue.minimum}${unit(issue.origin, issue.minimum)}`;
    case 'too_big':
      return `write at most ${issue.maximum}${unit(issue.origin, issue.maximum)}`;
    default:
      return undefined;
  }
}

function unit(origin: string, count: number | bigint): string {
  if (origin === 'string') return count === 1 ? ' character' : ' characters';
  if (origin === 'array') return count === 1 ? ' entry' : ' entries';
  return '';
}

function wrongType(value: unknown, schema: Schema, expected: string): string {
  const wanted = nameOf(schema, expected);
  if (value === undefined) return `it is missing: write ${wanted}`;
  if (value === null) return `nothing stands here: write ${wanted}, or take the field out`;
  const scalar = typeof value !== 'object';
  let fix = '';
  if (expected === 'string' && scalar) fix = ': put it in quotes';
  if (expected === 'array') fix = ': each entry in a line of its own, after "- "';
  if (expected === 'boolean' && (value === 'true' || value === 'false')) fix = ': take the quotes off';
  if (typeof value === 'string' && wanted.endsWith('number') && /^[0-9]+$/.test(value))
    fix = ': take the quotes off';
  return `write ${wanted}, not ${scalar ? SCALARS[typeof value] : Array.isArray(value) ? 'a list' : 'a mapping'}${fix}`;
}

const SCALARS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  boolean: 'true or false',
};

/** Most fields of a mapping that are named in a sentence. */
const MOST_NAMED = 6;

/** What a schema takes, as YAML calls it. */
function nameOf(schema: Schema, expected: string): string {
  if (expected === 'string') return 'a string';
  if (expected === 'int') return 'a whole number';
  if (expected === 'number') return schema && 'format' in schema._zod.def ? 'a whole number' : 'a number';
  if (expected === 'boolean') return 'true or false';
  if (expected === 'array') {
    const fields = schema?._zod.def.type === 'array' ? fieldsOf(schema._zod.def.element as Schema) : [];
    return fields.length === 0 ? 'a list' : `a list of mappings with ${fields.join(', ')}`;
  }
  const fields = fieldsOf(schema);
  return fields.length > 0 && fields.length <= MOST_NAMED
    ? `a mapping with ${fields.join(', ')}`
    : 'a mapping';
}

function fieldsOf(schema: Schema): string[] {
  return schema?._zod.def.type === 'object' ? Object.keys(schema._zod.def.shape) : [];
}
