/** Fields that no ImageSpec has: the API server drops them or refuses them, so somebody should say what was meant. */
import { z } from 'zod';
import { specSchema } from '../api/image-spec.ts';
import type { Problem } from '../image/effective.ts';
import { isMap } from './documents.ts';

/** One problem for each field that the schema does not know, with the known one that is most like it. */
export function unknownFields(spec: unknown): Problem[] {
  return within(specSchema, spec, 'spec');
}

function within(schema: z.core.$ZodType, value: unknown, path: string): Problem[] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return within(schema.unwrap(), value, path);
  }
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    return value.flatMap((item, index) => within(schema.element, item, `${path}[${index}]`));
  }
  if (!(schema instanceof z.ZodObject) || !isMap(value)) return [];
  return Object.entries(value).flatMap(([name, item]) => {
    const known = schema.shape[name] as z.core.$ZodType | undefined;
    if (known) return within(known, item, `${path}.${name}`);
    const near = nearest(name, Object.keys(schema.shape));
    const advice = near === undefined ? 'take it out' : `did you mean ${near}?`;
    return [{ field: `${path}.${name}`, message: `there is no such field; ${advice}` }];
  });
}

/** The known name most like one that is not: the same but for case and underscores, or at most three letters off. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');
  const scored = known.map((one) => ({ one, off: distance(plain(name), plain(one)) }));
  const best = scored.sort((a, b) => a.off - b.off)[0];
  return best && best.off <= Math.min(3, name.length / 3) ? best.one : undefined;
}

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
