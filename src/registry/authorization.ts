/**
 * Questions to a registry, logged in the way it asks for.
 *
 * The first question of all goes out without a login; the registry's challenge decides (Bearer before Basic),
 * and the way that worked is remembered for the next one. A refused token is renewed once; a refused
 * password or a refused new token is final.
 */
import { denied, oneLine } from './answer.ts';
import { BoundedMap } from './bounded-map.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { basicAuthorization, type Credential, type CredentialStore, fingerprint } from './credentials.ts';
import type { Endpoint } from './endpoint.ts';
import { type TokenDemand, Tokens } from './token.ts';
import type { Exchange, Reply, Transport } from './transport.ts';

/** A question about one repository. */
export interface Question extends Pick<Exchange, 'mostBytes' | 'signal' | 'file' | 'timeoutMs'> {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly repository: string;
  /** Below the repository: `manifests/latest`. */
  readonly path: string;
  readonly accept?: string;
  readonly content?: { readonly mediaType: string; readonly text: string };
  readonly actions: 'pull' | 'pull,push';
}

/** How one registry lets one credential in. */
type WayIn = { readonly kind: 'basic' } | ({ readonly kind: 'bearer' } & TokenDemand);

const MOST_WAYS = 1000;
/** First question, challenge, renewed token, further scope. */
const MOST_ROUNDS = 4;

export class Authorization {
  readonly #ways = new BoundedMap<string, WayIn>(MOST_WAYS);
  readonly #tokens: Tokens;
  readonly #transport: Transport;
  readonly #credentials: CredentialStore;

  constructor(transport: Transport, credentials: CredentialStore, now: () => number) {
    this.#transport = transport;
    this.#credentials = credentials;
    this.#tokens = new Tokens(transport, now);
  }

  /**
   * The registry's reply; 401 only when no way in is left.
   *
   * @throws RegistryFailure when the registry or its token server could not be asked, or no login is possible
   */
  async ask(endpoint: Endpoint, question: Question): Promise<Reply> {
    const credential = this.#credentials.credentialFor(endpoint.host, question.repository);
    const scope = `repository:${question.repository}:${question.actions}`;
    const key = JSON.stringify([endpoint.base, fingerprint(credential), scope]);
    let way = this.#ways.get(key);
    let refused: string | undefined;
    for (let round = 1; ; round++) {
      const login = way && (await this.#login(endpoint, way, credential, refused));
      const reply = await this.#send(endpoint, question, login?.header);
      if (reply.status !== 401 || reply.elsewhere) {
        if (way !== undefined) this.#ways.set(key, way);
        return reply;
      }
      const next = wayIn(
        parseChallenges(reply.header('www-authenticate') ?? ''),
        endpoint,
        credential,
        scope,
        way,
      );
      const same = way !== undefined && JSON.stringify(way) === JSON.stringify(next);
      if (round === MOST_ROUNDS || (same && login?.final)) {
        this.#ways.delete(key);
        return reply;
      }
      refused = same ? login?.token : undefined;
      way = next;
    }
  }

  async #login(endpoint: Endpoint, way: WayIn, credential: Credential | undefined, refused?: string) {
    if (way.kind === 'basic') return { header: credential && basicAuthorization(credential), final: true };
    const { token, minted } = await this.#tokens.tokenFor(endpoint, way, credential, refused);
    return { header: `Bearer ${token}`, token, final: minted || refused !== undefined };
  }

  #send(endpoint: Endpoint, question: Question, authorization: string | undefined): Promise<Reply> {
    return this.#transport.send(endpoint, {
      method: question.method,
      url: `${endpoint.base}/v2/${question.repository}/${question.path}`,
      headers: {
        ...(question.accept === undefined ? {} : { accept: question.accept }),
        ...(question.content === undefined ? {} : { 'content-type': question.content.mediaType }),
        ...(authorization === undefined ? {} : { authorization }),
      },
      ...(question.content === undefined ? {} : { body: question.content.text }),
      subject: endpoint.host,
      mostBytes: question.mostBytes,
      signal: question.signal,
      file: question.file,
      timeoutMs: question.timeoutMs,
    });
  }
}

/** The way in that the challenges leave open. @throws RegistryFailure (denied) when there is none */
function wayIn(
  challenges: readonly Challenge[],
  endpoint: Endpoint,
  credential: Credential | undefined,
  scope: string,
  before: WayIn | undefined,
): WayIn {
  const { host } = endpoint;
  const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'));
  if (bearer !== undefined) {
    const known = before?.kind === 'bearer' ? before.scopes : [];
    return {
      kind: 'bearer',
      realm: realmOf(bearer, endpoint, credential),
      service: bearer.parameters.get('service'),
      scopes: scopesFor(scope, known, bearer.parameters.get('scope') ?? ''),
    };
  }
  if (!challenges.some(({ scheme }) => scheme === 'basic')) {
    const offered = challenges.map(({ scheme }) => scheme).join(', ') || 'none named';
    throw denied(`${host} wants a kind of login that is not supported (${oneLine(offered, 80)})`);
  }
  if (credential === undefined) throw denied(`${host} wants a login, and no credentials are given for it`);
  if (credential.kind === 'identity-token')
    throw denied(`${host} wants a user name and password; the credentials for it are an identity token`);
  return { kind: 'basic' };
}

function realmOf(bearer: Challenge, endpoint: Endpoint, credential: Credential | undefined): URL {
  const text = bearer.parameters.get('realm') ?? '';
  const names = `${endpoint.host} names the token server ${oneLine(text, 100)}`;
  if (!URL.canParse(text)) throw denied(`${names}, which is no URL`);
  const realm = new URL(text);
  if (realm.protocol !== 'https:' && realm.protocol !== 'http:') throw denied(`${names}, which is not HTTP`);
  if (realm.username !== '' || realm.password !== '')
    throw denied(`${endpoint.host} names a token server with a login in its URL`);
  if (endpoint.secure && credential !== undefined && realm.protocol === 'http:')
    throw denied(`${names}: credentials for an HTTPS registry are not sent over plain HTTP`);
  realm.hash = '';
  return realm;
}

const MOST_SCOPES = 8;
const SCOPE = /^[\x21-\x7e]{1,512}$/;

/** What the registry demands comes first, then what was asked before, then our own; nothing twice. */
function scopesFor(own: string, before: readonly string[], demanded: string): readonly string[] {
  const further = demanded.split(' ').filter((scope) => SCOPE.test(scope) && !covers(own, scope));
  const rest = before.filter((scope) => scope !== own);
  return [...new Set([...further.slice(0, MOST_SCOPES), ...rest.slice(0, MOST_SCOPES), own])];
}

/** True when the actions of `scope` are among those of `own`, for the same repository. */
function covers(own: string, scope: string): boolean {
  const cut = own.lastIndexOf(':') + 1;
  if (own.slice(0, cut) !== scope.slice(0, cut)) return false;
  const actions = own.slice(cut).split(',');
  return scope
    .slice(cut)
    .split(',')
    .every((action) => actions.includes(action));
}
