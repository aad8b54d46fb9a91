/**
 * What a registry's refusal means: absent, denied or unavailable.
 *
 * Only the fields of the error format are shown (distribution-spec "Error Codes", OAuth2's and Docker's token
 * errors), never a raw body: a stranger's page has no place in a status.
 */
import { z } from 'zod';
import type { NoAnswer } from '../api/registry-answer.ts';
import { oneLine } from './answer.ts';
import { jsonOf } from './json.ts';
import type { Reply } from './transport.ts';

const text = z.string().catch('');
const bodySchema = z.object({
  errors: z.array(z.object({ code: text, message: text })).catch([]),
  error: text,
  error_description: text,
  details: text,
});

interface Reason {
  readonly code: string;
  readonly message: string;
}

/** The first error a body names; undefined when it is not in a known form. */
function reasonOf(body: Buffer): Reason | undefined {
  const parsed = bodySchema.safeParse(jsonOf(body));
  if (!parsed.success) return undefined;
  const { errors, error, error_description, details } = parsed.data;
  const [first] = errors;
  if (first !== undefined) return first;
  const message = error_description || details || error;
  return message === '' ? undefined : { code: error, message };
}

/** Codes of a missing manifest or repository, whatever the status around them; Harbor says NOT_FOUND. */
const ABSENT = new Set(['MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'NOT_FOUND']);
/** Harbor answers 500 for some missing artifacts: `unknown: artifact library/x:1 not found`. */
const HARBOR_ABSENT = /\b(?:artifact|repository)\b.* not found\b/;

/** The answer behind any reply that is not the asked-for content. @param host as users write it */
export function answerOf(reply: Reply, host: string): NoAnswer {
  const { status } = reply;
  if (status === 404) return { kind: 'absent' };
  const reason = reasonOf(reply.body);
  const said = reason === undefined ? '' : `: ${reason.message || reason.code}`;
  if (status === 401 || status === 403)
    return { kind: 'denied', message: oneLine(`${host} refuses access (${status})${said}`) };
  if (status !== 429 && reason !== undefined && isAbsence(reason)) return { kind: 'absent' };
  return {
    kind: 'unavailable',
    message: oneLine(`${host} ${status === 429 ? 'has had too many requests' : 'fails'} (${status})${said}`),
    ...(reply.retryAfterMs === undefined ? {} : { retryAfterMs: reply.retryAfterMs }),
  };
}

function isAbsence({ code, message }: Reason): boolean {
  return ABSENT.has(code.toUpperCase()) || (code.toUpperCase() === 'UNKNOWN' && HARBOR_ABSENT.test(message));
}
