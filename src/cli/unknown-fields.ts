/** Fields that no ImageSpec has: the API server drops them or refuses them, so somebody should say what was meant. */
import { z } from 'zod';
import { specSchema } from '../api/image-spec.ts';
import { advice } from '../api/nearest.ts';
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
    const message = `there is no such field; ${advice(name, Object.keys(schema.shape))}`;
    return [{ field: `${path}.${name}`, message }];
  });
}
