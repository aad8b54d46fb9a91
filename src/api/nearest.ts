/** What somebody meant who wrote a name that there is not. */

/**
 * The known names that one may stand for: the one most like it (but for case and underscores, or at most three letters
 * off), else those that it begins or ends, two at the most.
 */
export function nearest(name: string, known: readonly string[]): string[] {
  const wanted = plain(name);
  const scored = known.map((one) => ({ one, off: distance(wanted, plain(one)) }));
  const best = scored.sort((a, b) => a.off - b.off)[0];
  if (best && best.off <= Math.min(3, name.length / 3)) return [best.one];
  const parts = known.filter((one) => plain(one).startsWith(wanted) || plain(one).endsWith(wanted));
  return wanted.length > 2 && parts.length <= 2 ? parts : [];
}

/** What to do about a name that there is not. */
export function advice(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near.length === 0 ? 'take it out' : `did you mean ${near.join(' or ')}?`;
}

const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');

/** Levenshtein's distance: how many letters must be put in, taken out or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const change = (row[j] as number) + (letter === other ? 0 : 1);
      next.push(Math.min(change, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row.at(-1) as number;
}
