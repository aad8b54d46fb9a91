/**
 * What registries answered lately, one memory for each ImageSpec.
 *
 * It decides when to ask again: a good answer stands for an hour, a refusal and a failure are lived with
 * for a while that doubles. It is only memory: a controller that starts anew asks anew.
 */
import type { RegistryAnswer } from '../api/registry-answer.ts';
import type { Asked } from '../plan/facts.ts';
import { askAgainAfterMs } from '../plan/pauses.ts';

interface Remembered {
  readonly image: string;
  readonly version: string;
  readonly answer: RegistryAnswer;
  readonly times: number;
  readonly at: number;
  readonly by: 'Operator' | 'Job';
}

/** While no build may start, an image that was missing so lately is not asked for again. */
const ABSENT_WHILE_QUEUED_MS = 60_000;

/** What an answer is about. */
export interface Question {
  /** namespace/name of the ImageSpec, with `#platform` for a part of its image. */
  readonly key: string;
  readonly image: string;
  /** Changes with the object and its spec: a "no" is not remembered beyond an edit. */
  readonly version: string;
}

export class Answers {
  readonly #remembered = new Map<string, Remembered>();
  readonly #now: () => number;
  readonly #random: () => number;

  /**
   * @param now milliseconds that only grow
   * @param random in [0, 1); lets answers last up to a tenth longer, so that what began together does not ask together
   */
  constructor(now: () => number = () => performance.now(), random: () => number = Math.random) {
    this.#now = now;
    this.#random = random;
  }

  /** The remembered answer, while it is good, and for how much longer it is. */
  recall({ key, image, version }: Question, queued: boolean): { asked: Asked; restMs: number } | undefined {
    const known = this.#remembered.get(key);
    if (known?.image !== image || (known.answer.kind !== 'present' && known.version !== version))
      return undefined;
    const ageMs = this.#now() - known.at;
    const good = known.answer.kind === 'absent' && queued ? ABSENT_WHILE_QUEUED_MS : askAgainAfterMs(known);
    const { answer, times, by } = known;
    return ageMs < good ? { asked: { answer, times, ageMs, by }, restMs: good - ageMs } : undefined;
  }

  remember(
    { key, image, version }: Question,
    answer: RegistryAnswer,
    by: 'Operator' | 'Job' = 'Operator',
  ): Asked {
    const known = this.#remembered.get(key);
    const repeated = known?.image === image && known.version === version && known.answer.kind === answer.kind;
    const times = repeated ? known.times + 1 : 1;
    // As if given a little later: so it lasts a little longer.
    const at = this.#now() + 0.1 * this.#random() * askAgainAfterMs({ answer, times, by });
    this.#remembered.set(key, { image, version, answer, times, at, by });
    return { answer, times, ageMs: this.#now() - at, by };
  }

  /** Forgets an ImageSpec, the parts of its image included. */
  forget(key: string): void {
    for (const known of this.#remembered.keys()) {
      if (known === key || known.startsWith(`${key}#`)) this.#remembered.delete(known);
    }
  }
}
