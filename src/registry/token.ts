/**
 * Bearer tokens: asking a registry's token server, and keeping what it gave.
 *
 * Protocol: distribution/docs `spec/auth/token` (GET) and `spec/auth/oauth` (POST, for identity tokens). A token is
 * kept per registry, token server, credential and scopes, renewed before it ends; questions that need the same
 * token at the same time share one exchange.
 */
import { z } from 'zod';
import { denied, type RegistryFailure, unavailable } from './answer.ts';
import { BoundedMap } from './bounded-map.ts';
import { basicAuthorization, type Credential, fingerprint } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import { answerOf } from './error-body.ts';
import { jsonOf } from './json.ts';
import type { Reply, Transport } from './transport.ts';

/** What a registry wants a token for, and from whom. */
export interface TokenDemand {
  readonly realm: URL;
  readonly service: string | undefined;
  /** In the order they are asked for: some servers read only the first. */
  readonly scopes: readonly string[];
}

interface Kept {
  readonly token: Promise<string>;
  /** Epoch milliseconds; infinite while the exchange runs. */
  usableUntil: number;
}

const MOST_TOKENS = 1000;
const MOST_BYTES = 64 * 1024;

const tokenSchema = z.object({
  token: z.string().nullish(),
  access_token: z.string().nullish(),
  expires_in: z.number().positive().nullish().catch(undefined),
});

export class Tokens {
  readonly #kept = new BoundedMap<string, Kept>(MOST_TOKENS);
  readonly #transport: Transport;
  readonly #now: () => number;

  constructor(transport: Transport, now: () => number) {
    this.#transport = transport;
    this.#now = now;
  }

  /**
   * A token for the demand; `minted` tells that it was asked for just now.
   *
   * @param refused a token the registry would not take: any other is given, so that of many questions that met
   *   the same refusal only one renews it
   * @throws RegistryFailure
   */
  async tokenFor(
    endpoint: Endpoint,
    demand: TokenDemand,
    credential: Credential | undefined,
    refused?: string,
  ): Promise<{ token: string; minted: boolean }> {
    const key = JSON.stringify([
      endpoint.base,
      demand.realm.href,
      demand.service,
      fingerprint(credential),
      [...demand.scopes].sort(),
    ]);
    const known = this.#kept.get(key);
    if (known !== undefined && this.#now() < known.usableUntil) {
      const token = await known.token;
      if (token !== refused) return { token, minted: false };
      // While waiting, another question may have begun to renew it.
      const newer = this.#kept.get(key);
      if (newer !== undefined && newer !== known) return { token: await newer.token, minted: false };
    }

    const exchange = this.#exchange(endpoint, demand, credential);
    const kept: Kept = { token: exchange.then(({ token }) => token), usableUntil: Number.POSITIVE_INFINITY };
    kept.token.catch(() => {}); // Whoever waits sees it; nobody waiting is no crash.
    this.#kept.set(key, kept);
    try {
      const { token, lifetimeMs } = await exchange;
      kept.usableUntil = this.#now() + lifetimeMs;
      return { token, minted: true };
    } catch (error) {
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
      throw error;
    }
  }

  async #exchange(endpoint: Endpoint, demand: TokenDemand, credential: Credential | undefined) {
    const subject = `token server ${demand.realm.host} of ${endpoint.host}`;
    let reply: Reply | undefined;
    if (credential?.kind === 'identity-token') {
      reply = await this.#transport.send(endpoint, {
        method: 'POST',
        url: demand.realm.href,
        headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
        body: refreshForm(demand, credential.token),
        mostBytes: MOST_BYTES,
        subject,
      });
      // Servers without POST answer so; they take the identity token as a password.
      if (reply.status === 404 || reply.status === 405) reply = undefined;
    }
    reply ??= await this.#transport.send(endpoint, {
      method: 'GET',
      url: tokenUrl(demand),
      headers: {
        accept: 'application/json',
        ...(credential === undefined ? {} : { authorization: basicAuthorization(credential) }),
      },
      mostBytes: MOST_BYTES,
      subject,
    });
    if (reply.status !== 200) throw refused(reply, subject);
    return readToken(reply.body, subject);
  }
}

function tokenUrl(demand: TokenDemand): string {
  const url = new URL(demand.realm);
  if (demand.service !== undefined) url.searchParams.set('service', demand.service);
  for (const scope of demand.scopes) url.searchParams.append('scope', scope);
  return url.href;
}

function refreshForm(demand: TokenDemand, refreshToken: string): string {
  return new URLSearchParams({
    grant_type: 'refresh_token',
    ...(demand.service === undefined ? {} : { service: demand.service }),
    scope: demand.scopes.join(' '),
    client_id: 'imagespec-operator',
    refresh_token: refreshToken,
  }).toString();
}

/** A token server has no images: its 404 is a failure, and its 400 (OAuth2's invalid_grant) a refusal. */
function refused(reply: Reply, subject: string): RegistryFailure {
  const answer = answerOf(reply, subject);
  if (answer.kind === 'denied') return denied(answer.message);
  if (answer.kind === 'absent') return unavailable(`${subject} fails (${reply.status})`);
  if (reply.status === 400) return denied(answer.message);
  return unavailable(answer.message, answer.retryAfterMs);
}

/** Lifetime when `expires_in` is left out (spec/auth/token). */
const DEFAULT_SECONDS = 60;

function readToken(body: Buffer, subject: string): { token: string; lifetimeMs: number } {
  const answer = tokenSchema.safeParse(jsonOf(body));
  const token = answer.data?.token || answer.data?.access_token;
  // What is put into a header must be printable ASCII.
  if (!token || !/^[\x21-\x7e]+$/.test(token)) throw unavailable(`${subject}: its answer holds no token`);
  const seconds = Math.min(answer.data?.expires_in ?? DEFAULT_SECONDS, 3600);
  // Early by a fifth, at most 30 s, so that a token does not end on its way.
  return { token, lifetimeMs: 1000 * (seconds - Math.min(30, seconds / 5)) };
}
