/**
 * Values as Python's `repr` prints them: the text over which flytekit takes its hashes.
 *
 * Rules: `unicode_repr` and `float_repr_style` "short" of CPython; tried against the real one in the tests.
 */
import { isPrintable } from './printable.ts';

/** What the parameters of flytekit's ImageSpec hold. */
export type Value = string | number | boolean | null | Printed | readonly Value[] | Dict;

/** A dict: its order counts. */
export type Dict = ReadonlyMap<string, Value>;

/** Something that prints as a text of its own, such as the member of an enum. */
export interface Printed {
  readonly printed: string;
}

/** A fraction is a float, any other number an int: JSON knows no other difference. */
export function repr(value: Value): string {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value).toString() : float(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value === null) return 'None';
  if (isList(value)) return `[${value.map(repr).join(', ')}]`;
  if ('printed' in value) return value.printed;
  return `{${Array.from(value.entries(), ([key, item]) => `${text(key)}: ${repr(item)}`).join(', ')}}`;
}

/** The order of Python's `sort` and of Go's keys: by code point, where JavaScript's own goes by UTF-16. */
export function byCodePoint(a: string, b: string): number {
  for (let at = 0; at < a.length && at < b.length; at += 1) {
    const difference = rank(a.charCodeAt(at)) - rank(b.charCodeAt(at));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** Surrogates stand for code points beyond all others. */
const rank = (unit: number) => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);

function text(value: string): string {
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  return quote + value.replace(/['"\\]|[^ -~]/gu, (character) => escaped(character, quote)) + quote;
}

const NAMED: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

function escaped(character: string, quote: string): string {
  if (character === quote) return `\\${character}`;
  const named = NAMED[character];
  if (named !== undefined) return named;
  const code = character.codePointAt(0) as number;
  if (isPrintable(code)) return character;
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`;
}

/** The same shortest digits as JavaScript's, but an exponent of two digits from 1e-5 down. */
function float(value: number): string {
  if (Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/-(\d)$/, '-0$1');
}

const isList = (value: Value): value is readonly Value[] => Array.isArray(value);
