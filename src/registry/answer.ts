/**
 * How a failure inside this room becomes one of the four answers.
 *
 * Messages are made for status and Events: one line, no control characters, at most 300 characters,
 * never a credential.
 */
import type { NoAnswer } from '../api/registry-answer.ts';
import type { ImageConfig } from './config.ts';

/** The manifest or index a reference names. */
export type ManifestAnswer =
  | {
      readonly kind: 'present';
      /** SHA-256 of the body. */
      readonly digest: string;
      readonly mediaType: string;
      /** Bytes. */
      readonly size: number;
      readonly manifest: unknown;
    }
  | NoAnswer;

/** The configuration of an image for one platform. */
export type ConfigAnswer =
  | {
      readonly kind: 'present';
      /** What the reference names: the index's digest where there is one. */
      readonly digest: string;
      /** The platform's own manifest; equals `digest` without an index. */
      readonly manifestDigest: string;
      readonly config: ImageConfig;
    }
  | NoAnswer;

/** A blob of an image. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** The layers of an image, lowest first. */
export type LayersAnswer =
  | {
      readonly kind: 'present';
      /** Of the manifest that names them. */
      readonly digest: string;
      readonly layers: readonly Descriptor[];
    }
  | NoAnswer;

/** Whether a push would be let in; `absent`: there is no such repository, and this registry makes none. */
export type PushAnswer = { readonly kind: 'allowed' } | NoAnswer;

/** Thrown inside src/registry only; `RegistryClient` turns it into a value. */
export class RegistryFailure extends Error {
  override name = 'RegistryFailure';
  readonly answer: Exclude<NoAnswer, { kind: 'absent' }>;

  constructor(answer: Exclude<NoAnswer, { kind: 'absent' }>, options?: ErrorOptions) {
    super(answer.message, options);
    this.answer = answer;
  }
}

/** A failure that an administrator or user must mend: refused access or a refused address. */
export function denied(message: string, cause?: unknown): RegistryFailure {
  return new RegistryFailure({ kind: 'denied', message: oneLine(message) }, { cause });
}

/** A failure that may pass by itself. */
export function unavailable(message: string, retryAfterMs?: number, cause?: unknown): RegistryFailure {
  return new RegistryFailure(
    {
      kind: 'unavailable',
      message: oneLine(message),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    },
    { cause },
  );
}

const LONGEST_MESSAGE = 300;

/** Foreign text made safe for a status: control, format and separator characters become spaces; cut to `longest`. */
export function oneLine(text: string, longest = LONGEST_MESSAGE): string {
  const flat = text
    .slice(0, 4 * longest)
    .replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  const letters = Array.from(flat);
  return letters.length <= longest
    ? flat
    : `${letters
        .slice(0, longest - 1)
        .join('')
        .trimEnd()}…`;
}

const LONGEST_PAUSE_MS = 3_600_000;

/**
 * `Retry-After` as milliseconds: seconds or an HTTP date (RFC 9110 section 10.2.3), at most an hour.
 * Anything else is undefined.
 */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,12}$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_PAUSE_MS);
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.min(Math.max(date - now, 0), LONGEST_PAUSE_MS);
}
