/**
 * Conditions as Kubernetes tools read them: `Ready` always, `Reconciling` and `Stalled` only while True
 * and never both (kstatus takes the first of the two it meets).
 */
import { z } from 'zod';

export const conditionSchema = z.object({
  type: z.string().min(1).max(316).describe('Ready, Reconciling or Stalled.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('True, False or Unknown.'),
  observedGeneration: z.int().min(0).optional().describe('Generation of spec the condition speaks of.'),
  lastTransitionTime: z.string().max(40).meta({ format: 'date-time' }).describe('When status last changed.'),
  reason: z.string().min(1).max(1024).describe('One word for programs.'),
  message: z.string().max(32768).describe('A sentence for people.'),
});
export type Condition = z.output<typeof conditionSchema>;
export type ConditionType = 'Ready' | 'Reconciling' | 'Stalled';

/** A condition before it knows since when it holds. */
export interface NewCondition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

/** Gives each condition its `lastTransitionTime`: the old one while the status has not changed, else `now`. */
export function stamped(
  wanted: readonly Omit<Condition, 'lastTransitionTime'>[],
  before: readonly Condition[],
  now: Date,
): Condition[] {
  return wanted.map((condition) => {
    const old = before.find((entry) => entry.type === condition.type);
    const lastTransitionTime =
      old?.status === condition.status ? old.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`;
    return { ...condition, lastTransitionTime };
  });
}

export function conditionOf(
  list: readonly Condition[] | undefined,
  type: ConditionType,
): Condition | undefined {
  return list?.find((condition) => condition.type === type);
}
