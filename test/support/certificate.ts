/**
 * A self-signed certificate made here and now (X.509 in DER, RFC 5280), so that no test keeps a private key
 * in the repository nor needs openssl.
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

export interface Certificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** A certificate on P-256, valid for a day either way, its own authority. @param names DNS names and IPv4 addresses */
export function selfSigned(names: readonly string[], now = Date.now()): Certificate {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = commonName(names[0] ?? 'test');
  const extensions = [basicConstraints(), alternativeNames(names)];
  return { ...issued(name, keys.publicKey, extensions, { name, key: keys.privateKey }, now), ...pair(keys) };
}

/**
 * A certificate as companies have them: signed by an authority of its own, whose certificate clients are to trust. Some
 * clients take no certificate that is its own authority.
 */
export function signed(names: readonly string[], now = Date.now()): Certificate & { authorityPem: string } {
  const [authority, keys] = [1, 2].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const issuer = { name: commonName(`authority of ${names[0]}`), key: authority!.privateKey };
  const root = issued(issuer.name, authority!.publicKey, [basicConstraints()], issuer, now);
  const own = issued(commonName(names[0] ?? 'test'), keys!.publicKey, [alternativeNames(names)], issuer, now);
  return { ...own, ...pair(keys!), authorityPem: root.certificatePem };
}

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const pair = ({ publicKey, privateKey }: Keys) => ({
  publicKey,
  privateKey,
  privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
});

function issued(
  subject: Buffer,
  publicKey: KeyObject,
  extensions: readonly Buffer[],
  issuer: { readonly name: Buffer; readonly key: KeyObject },
  now: number,
): { certificatePem: string } {
  const day = 86_400_000;
  const body = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(randomBytes(8).fill(1, 0, 1)),
    ECDSA_WITH_SHA256,
    issuer.name,
    sequence(utcTime(now - day), utcTime(now + day)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', body, issuer.key);
  const der = sequence(body, ECDSA_WITH_SHA256, tagged(0x03, Buffer.from([0]), signature));
  const lines = der.toString('base64').match(/.{1,64}/g)!;
  return {
    certificatePem: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}

const commonName = (name: string) => sequence(set(sequence(oid('2.5.4.3'), tagged(0x0c, Buffer.from(name)))));

function tagged(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const length =
    body.length < 128
      ? [body.length]
      : body.length < 256
        ? [0x81, body.length]
        : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...content: Buffer[]) => tagged(0x30, ...content);
const set = (...content: Buffer[]) => tagged(0x31, ...content);
const integer = (bytes: Buffer) => tagged(0x02, bytes);

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 127];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift((left & 127) | 128);
    bytes.push(...groups);
  }
  return tagged(0x06, Buffer.from(bytes));
}

const ECDSA_WITH_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));

function utcTime(time: number): Buffer {
  const text = new Date(time).toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return tagged(0x17, Buffer.from(`${text}Z`));
}

function basicConstraints(): Buffer {
  const isAuthority = sequence(tagged(0x01, Buffer.from([255])));
  return sequence(oid('2.5.29.19'), tagged(0x01, Buffer.from([255])), tagged(0x04, isAuthority));
}

function alternativeNames(names: readonly string[]): Buffer {
  const entries = names.map((name) =>
    isIPv4(name) ? tagged(0x87, Buffer.from(name.split('.').map(Number))) : tagged(0x82, Buffer.from(name)),
  );
  return sequence(oid('2.5.29.17'), tagged(0x04, sequence(...entries)));
}
