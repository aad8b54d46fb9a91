/**
 * What registries answered lately, one memory for each ImageSpec.
 *
 * It decides when to ask again: a good answer stands for an hour, a refusal and a failure are lived with
 * for a while that doubles. It is only memory: a controller that starts anew asks anew.
 */
import type { RegistryAnswer } from '../api/registry-answer.ts';
import type { Asked } from '../plan/facts.ts';
import { askAgainAfterMs } from '../plan/plan.ts';

interface Remembered {
  readonly image: string;
  readonly answer: RegistryAnswer;
  readonly times: number;
  readonly at: number;
}

/** While no build may start, an image that was missing so lately is not asked for again. */
const ABSENT_WHILE_QUEUED_MS = 60_000;

export class Answers {
  readonly #remembered = new Map<string, Remembered>();
  readonly #now: () => number;

  /** @param now milliseconds that only grow */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The remembered answer about `image`, while it is good. */
  recall(key: string, image: string, queued: boolean): Asked | undefined {
    const known = this.#remembered.get(key);
    if (known?.image !== image) return undefined;
    const ageMs = this.#now() - known.at;
    const good = known.answer.kind === 'absent' && queued ? ABSENT_WHILE_QUEUED_MS : askAgainAfterMs(known);
    return ageMs < good ? { answer: known.answer, times: known.times, ageMs } : undefined;
  }

  remember(key: string, image: string, answer: RegistryAnswer): Asked {
    const known = this.#remembered.get(key);
    const repeated = known?.image === image && known.answer.kind === answer.kind;
    const times = repeated ? known.times + 1 : 1;
    this.#remembered.set(key, { image, answer, times, at: this.#now() });
    return { answer, times, ageMs: 0 };
  }

  forget(key: string): void {
    this.#remembered.delete(key);
  }
}
