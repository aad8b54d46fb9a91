/**
 * The content hash: sha256 over canonical JSON.
 *
 * Canonical means RFC 8785: keys in the order of their UTF-16 code units, no spaces, strings as
 * `JSON.stringify` writes them. Only strings, integers, arrays and objects come in.
 */
import { createHash } from 'node:crypto';

export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** RFC 8785 for values without fractions; keys whose value is undefined are left out. */
export function canonicalJson(value: Json): string {
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
}

/** Lower-case hex. */
export function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

const isList = (value: Json): value is readonly Json[] => Array.isArray(value);
