/**
 * Reads `WWW-Authenticate`: one or several challenges in one header (RFC 9110 sections 11.2, 11.3 and 11.6.1).
 *
 * The header comes from a stranger: reading never throws, looks at 8 KiB at most, and stops at the
 * first thing the grammar does not know, keeping what came before.
 */

/** One way to log in that a server offers. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`, `negotiate`. */
  readonly scheme: string;
  /** Parameters by lower-case name; the first of a repeated name counts. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The single token of schemes such as Negotiate. */
  readonly token68?: string;
}

const LONGEST_HEADER = 8192;

/** All challenges of a header, in the order they were offered; several header lines are joined by a comma first. */
export function parseChallenges(header: string): readonly Challenge[] {
  const text = header.slice(0, LONGEST_HEADER);
  const challenges: Challenge[] = [];
  let position = 0;

  /** Consumes a sticky pattern at the current position. */
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = position;
    const found = pattern.exec(text);
    if (found === null) return undefined;
    position = pattern.lastIndex;
    return found;
  };

  for (;;) {
    take(SEPARATORS);
    const scheme = take(SCHEME)?.[1];
    if (scheme === undefined) return challenges;
    const parameters = new Map<string, string>();
    const token68 = take(TOKEN68)?.[1];
    if (token68 === undefined) {
      for (let found = take(PARAMETER); found !== undefined; found = take(PARAMETER)) {
        const name = found[1]!.toLowerCase();
        const value = found[2] ?? found[3]!.replace(/\\(.)/gs, '$1');
        if (!parameters.has(name)) parameters.set(name, value);
      }
    }
    challenges.push({
      scheme: scheme.toLowerCase(),
      parameters,
      ...(token68 === undefined ? {} : { token68 }),
    });
  }
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const SEPARATORS = /[\s,]*/y;
/** A scheme ends at a space, a comma or the end; a name followed by `=` is a stray parameter. */
const SCHEME = new RegExp(`(${TOKEN})(?=[ \\t,]|$)(?![ \\t]*=)[ \\t]*`, 'y');
const TOKEN68 = /([A-Za-z0-9._~+/-]+=*)[ \t]*(?=,|$)/y;
const PARAMETER = new RegExp(
  `[ \\t,]*(${TOKEN})[ \\t]*=[ \\t]*(?:(${TOKEN})|"((?:[^"\\\\]|\\\\.)*)")(?=[ \\t]*(?:,|$))`,
  'ys',
);
