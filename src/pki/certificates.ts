/**
 * The certificates of one daemon and its clients: an authority that signs exactly these two and is then forgotten.
 *
 * Nobody can sign a third: its key is never outside of a folder that is gone when this ends. Whoever wants new ones
 * makes all of them anew. Needs `openssl`.
 */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const openssl = promisify(execFile).bind(undefined, 'openssl');

/** One side of mutual TLS, as PEM. */
export interface Side {
  readonly certificate: string;
  readonly key: string;
}

export interface Pair {
  /** What each side checks the other one by. */
  readonly authority: string;
  readonly server: Side;
  readonly client: Side;
}

/**
 * Makes an authority, a server's and a client's certificate on P-256, each for its one use.
 *
 * @param name DNS name of the server
 * @param days how long all three are valid, from now
 * @throws with openssl's own words
 */
export async function makePair(name: string, days: number): Promise<Pair> {
  const folder = await mkdtemp(join(tmpdir(), 'imagespec-pki-'));
  try {
    const make = async (file: string, subject: string, extensions: string[], signedBy: string[] = []) => {
      const key = ['-nodes', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];
      const files = ['-keyout', `${file}.key`, '-out', `${file}.crt`];
      const about = ['-days', String(days), '-subj', `/CN=${subject}`];
      const added = extensions.flatMap((extension) => ['-addext', extension]);
      await openssl(['req', '-x509', ...key, ...files, ...about, ...signedBy, ...added], { cwd: folder });
      const read = (end: string) => readFile(join(folder, `${file}.${end}`), 'utf8');
      return { certificate: await read('crt'), key: await read('key') };
    };
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key'];
    const leaf = ['basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature'];
    const { certificate: authority } = await make('ca', `authority of ${name}`, [
      'basicConstraints=critical,CA:TRUE,pathlen:0',
      'keyUsage=critical,keyCertSign',
    ]);
    const forServer = ['extendedKeyUsage=serverAuth', `subjectAltName=DNS:${name}`];
    const server = await make('server', name, [...leaf, ...forServer], signed);
    const client = await make(
      'client',
      `client of ${name}`,
      [...leaf, 'extendedKeyUsage=clientAuth'],
      signed,
    );
    return { authority, server, client };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Until when a certificate is good, in milliseconds; 0 for what is no certificate. */
export function goodUntil(pem: string): number {
  try {
    return new X509Certificate(pem).validToDate.getTime();
  } catch {
    return 0;
  }
}
