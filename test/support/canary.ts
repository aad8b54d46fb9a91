/** Looks for secrets where none may be: in what pods, the API server and registries hold after a build. */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

/** A secret as it might turn up: as it is, URL-encoded, in hex, in base64 with anything before and after it. */
function formsOf(secret: string): Buffer[] {
  const bytes = Buffer.from(secret);
  const base64 = [0, 1, 2].flatMap((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The first and the last digit also say something of their neighbours.
    const own = text.slice(before === 0 ? 0 : before + 1, -1);
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const encoded = [encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
  const all = [secret, ...encoded, bytes.toString('hex'), ...base64];
  return [...new Set(all)].map((form) => Buffer.from(form));
}

/** The bytes of a blob and, of a compressed one, also what is in it. */
function unpacked(blob: Buffer): Buffer[] {
  const magic = blob.subarray(0, 4).toString('hex');
  if (magic.startsWith('1f8b')) return [blob, gunzipSync(blob)];
  if (magic === '28b52ffd') return [blob, zstdDecompressSync(blob)];
  return [blob];
}

/** The names of the secrets that are found in any form in a text or a blob. */
export function found(secrets: Readonly<Record<string, string>>, text: string | Buffer): string[] {
  const texts = unpacked(Buffer.from(text));
  return Object.entries(secrets)
    .filter(([, secret]) => formsOf(secret).some((form) => texts.some((one) => one.includes(form))))
    .map(([name]) => name);
}
