/**
 * The four answers a registry can give about an image; a value each, never mixed.
 *
 * "I could not ask" is never folded into "it is not there": only `absent` may start a build.
 */

/** What one question to a registry can come to when there is nothing to hand over. */
export type NoAnswer =
  /** No such manifest or repository. */
  | { readonly kind: 'absent' }
  /** This identity may not know, or the address is one the operator refuses to talk to. */
  | { readonly kind: 'denied'; readonly message: string }
  /** The registry could not be asked; says nothing about the image. */
  | {
      readonly kind: 'unavailable';
      readonly message: string;
      /** The registry's own `Retry-After`, at most an hour. */
      readonly retryAfterMs?: number;
    };

/** Whether an image exists. */
export type RegistryAnswer = { readonly kind: 'present'; readonly digest: string } | NoAnswer;
