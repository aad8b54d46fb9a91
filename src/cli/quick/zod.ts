/**
 * As much of zod as a right ImageSpec needs, for a program that is to start at once: it takes what zod takes, with the
 * same result, or throws {@link Odd}, and then zod itself is asked what is wrong. Only the bundle puts it in zod's place.
 *
 * It may refuse what zod takes (that only costs time), never the other way round; the tests compare the two.
 */

/** This is a case for zod. */
export class Odd extends Error {
  override name = 'Odd';
}

type Run = (value: unknown) => unknown;
const odd = (): never => {
  throw new Odd();
};

class Quick {
  readonly run: Run;

  constructor(run: Run) {
    this.run = run;
  }

  parse(value: unknown): unknown {
    return this.run(value);
  }

  safeParse(value: unknown): { success: true; data: unknown } {
    return { success: true, data: this.run(value) };
  }

  #held(holds: (value: never) => boolean): Quick {
    return new Quick((value) => {
      const read = this.run(value);
      return holds(read as never) ? read : odd();
    });
  }

  min(least: number): Quick {
    return this.#held(
      (value: string | unknown[] | number) => (typeof value === 'number' ? value : value.length) >= least,
    );
  }

  max(most: number): Quick {
    return this.#held(
      (value: string | unknown[] | number) => (typeof value === 'number' ? value : value.length) <= most,
    );
  }

  regex(pattern: RegExp): Quick {
    return this.#held((value: string) => pattern.test(value));
  }

  refine(holds: (value: never) => unknown): Quick {
    return this.#held((value) => Boolean(holds(value)));
  }

  superRefine(check: (value: never, context: { addIssue: () => never }) => void): Quick {
    return new Quick((value) => {
      const read = this.run(value);
      check(read as never, { addIssue: odd });
      return read;
    });
  }

  optional(): Quick {
    return new Quick((value) => (value === undefined ? undefined : this.run(value)));
  }

  default(given: unknown): Quick {
    return new Quick((value) => (value === undefined ? structuredClone(given) : this.run(value)));
  }

  prefault(given: unknown): Quick {
    return new Quick((value) => this.run(value === undefined ? given : value));
  }

  catch(): Quick {
    return new Quick(odd);
  }

  describe(): this {
    return this;
  }

  meta(): this {
    return this;
  }

  readonly(): this {
    return this;
  }

  /** Schemas made of others are none that an ImageSpec is read by. */
  extend(): Quick {
    return new Quick(odd);
  }
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

function object(shape: Readonly<Record<string, Quick>>): Quick {
  return new Quick((value) => {
    if (!isMap(value)) return odd();
    const read: Record<string, unknown> = {};
    let known = 0;
    for (const name in shape) {
      const given = Object.hasOwn(value, name);
      if (given) known += 1;
      const one = (shape[name] as Quick).run(value[name]);
      if (given || one !== undefined) read[name] = one;
    }
    // A field that nobody knows is worth a word.
    return known === Object.keys(value).length ? read : odd();
  });
}

const of = (holds: (value: unknown) => boolean) => new Quick((value) => (holds(value) ? value : odd()));
const unknown = () => new Quick((value) => value);
const notHere = () => new Quick(odd);

export const z = {
  object,
  strictObject: object,
  string: () => of((value) => typeof value === 'string'),
  number: () => of((value) => typeof value === 'number' && Number.isFinite(value)),
  int: () => of(Number.isSafeInteger),
  boolean: () => of((value) => typeof value === 'boolean'),
  literal: (wanted: unknown) => of((value) => value === wanted),
  enum: (values: readonly unknown[]) => of((value) => values.includes(value)),
  unknown,
  array: (item: Quick) =>
    new Quick((value) => (Array.isArray(value) ? value.map((one) => item.run(one)) : odd())),
  record: (key: Quick, item: Quick) =>
    new Quick((value) => {
      if (!isMap(value)) return odd();
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [key.run(name), item.run(one)]));
    }),
  looseObject: notHere,
  union: notHere,
  discriminatedUnion: notHere,
  bigint: notHere,
  url: notHere,
  // What only a look at zod's own schemas needs.
  ZodObject: class {},
  ZodArray: class {},
  ZodOptional: class {},
  ZodDefault: class {},
};

export const config = () => {};
