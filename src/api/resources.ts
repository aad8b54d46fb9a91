/** Requests and limits of a build, with the grammar of Kubernetes quantities. */
import { z } from 'zod';

/** apimachinery's resource.Quantity, without exponents: `500m`, `1.5Gi`. */
const quantity = z
  .string()
  .max(32)
  .regex(/^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$/, 'write a quantity such as 500m, 2 or 4Gi');

const amounts = z.strictObject({
  cpu: quantity.optional().describe('Processor time, for example 500m, or "2" in quotes.'),
  memory: quantity.optional().describe('Memory, for example 4Gi.'),
  'ephemeral-storage': quantity
    .optional()
    .describe('Disk for unpacked layers and the result, for example 20Gi.'),
});

const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/** A quantity as a number of cores or bytes. */
export function amountOf(text: string): number {
  const [, number = '0', unit = ''] = /^([0-9.]+)([A-Za-z]*)$/.exec(text) ?? [];
  return Number(number) * (FACTORS[unit] ?? 1);
}

export const resourcesSchema = z.strictObject({
  requests: amounts.optional().describe('What the scheduler keeps free for the build.'),
  limits: amounts.optional().describe('What the build may use at the most.'),
});
