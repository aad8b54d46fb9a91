/**
 * A token server as registries name it in their challenge: real JWTs, signed with a key that
 * docker-registry is told to trust (distribution/docs `spec/auth/token` and `spec/auth/jwt`).
 */
import { createHash, randomUUID, sign } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { type Certificate, selfSigned } from './certificate.ts';
import { listen } from './listen.ts';

export interface TokenServerOptions {
  /** `user:password` of those who may push, or pull from repositories under `private/`. */
  readonly login: string;
  /** Refresh token accepted by POST; without it POST is 404. */
  readonly refreshToken?: string;
  readonly expiresInSeconds?: number;
  /** Host and port to listen on. @default a free port of 127.0.0.1 */
  readonly address?: string;
}

export interface TokenServer {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  readonly certificate: Certificate;
  /** Each exchange: its method, and the scopes in order. */
  readonly exchanges: { method: string; scopes: string[] }[];
  /** A token for tests that push. */
  mint(repository: string, actions: string[]): string;
  stop(): Promise<void>;
}

export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const certificate = selfSigned(['token.test']);
  const service = 'registry.test';
  const issuer = 'token.test';
  const exchanges: TokenServer['exchanges'] = [];

  const jwt = (access: object[]): string => {
    const now = Math.floor(Date.now() / 1000);
    const header = { typ: 'JWT', alg: 'ES256', kid: keyId(certificate) };
    const claims = {
      iss: issuer,
      sub: 'test',
      aud: service,
      iat: now,
      nbf: now - 5,
      exp: now + 300,
      jti: randomUUID(),
      access,
    };
    const text = [header, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = sign('sha256', Buffer.from(text), {
      key: certificate.privateKey,
      dsaEncoding: 'ieee-p1363',
    });
    return `${text}.${signature.toString('base64url')}`;
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://token.test');
    const form = request.method === 'POST' ? new URLSearchParams(await bodyOf(request)) : undefined;
    const scopes = form?.get('scope')?.split(' ') ?? url.searchParams.getAll('scope');
    exchanges.push({ method: request.method ?? '', scopes });
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (form && options.refreshToken === undefined) return answer(404, {});
    const login = request.headers.authorization?.replace(/^Basic /, '');
    const known = form
      ? form.get('refresh_token') === options.refreshToken
      : login === Buffer.from(options.login).toString('base64');
    if (!known && (login !== undefined || form))
      return answer(401, { errors: [{ code: 'UNAUTHORIZED', message: 'incorrect username or password' }] });
    const access = scopes.map((scope) => {
      const [type, name = '', actions = ''] = scope.split(':');
      const allowed = known ? ['pull', 'push'] : name.startsWith('private/') ? [] : ['pull'];
      return { type, name, actions: actions.split(',').filter((action) => allowed.includes(action)) };
    });
    answer(200, { token: jwt(access), expires_in: options.expiresInSeconds ?? 300 });
  });
  const { origin, stop } = await listen(server, options.address);
  return {
    realm: `${origin}/token`,
    service,
    issuer,
    certificate,
    exchanges,
    mint: (repository, actions) => jwt([{ type: 'repository', name: repository, actions }]),
    stop,
  };
}

/** libtrust's name of a public key: the first 240 bits of its SHA-256 in base32, in groups of four. */
function keyId({ publicKey }: Certificate): string {
  const hash = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest();
  const bits = [...hash.subarray(0, 30)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const letters = bits
    .match(/.{5}/g)!
    .map((five) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[Number.parseInt(five, 2)]);
  return letters.join('').match(/.{4}/g)!.join(':');
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
