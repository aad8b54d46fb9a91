/** What git's own words mean for a source. */
import { oneLine } from '../registry/answer.ts';
import type { Missing } from './fetched.ts';

const DENIED =
  /could not read (Username|Password)|Authentication failed|returned error: (401|403|407)|Permission denied|Host key verification failed|HOST IDENTIFICATION HAS CHANGED|No .* host key is known|Too many authentication failures|invalid format|error in libcrypto/i;
const ABSENT =
  /repository '.*' not found|returned error: (404|410)|does not appear to be a git repository|Repository not found|not a git repository/i;

const SENTENCES: readonly (readonly [RegExp, string])[] = [
  [
    /could not read (Username|Password)/,
    'it wants a login; name a Secret with username and password in spec.source.git.secretRef',
  ],
  [/Authentication failed/, 'it does not take the username and password of the Secret'],
  [
    /No .* host key is known|Host key verification failed/,
    'its host key is not the one in known_hosts of the Secret',
  ],
  [
    /invalid format|error in libcrypto/,
    'ssh-privatekey of the Secret is no key that ssh can read, or has a passphrase',
  ],
  [/Permission denied/, 'it does not take the key of the Secret'],
  [/Could not resolve host/i, 'no such host name'],
  [/Connection refused|Couldn't connect|Failed to connect/i, 'connection refused'],
  [/timed out/i, 'no answer in time'],
  [
    /certificate/i,
    'its certificate cannot be checked; if an authority of your own signed it, add that to caBundle in the settings of the operator',
  ],
];

export interface Words {
  readonly kind: Exclude<Missing, 'invalid'>;
  /** One line, without what is secret. */
  readonly message: string;
}

/** @param stderr of a git that failed */
export function wordsOf(stderr: string, secrets: readonly string[]): Words {
  const kind = ABSENT.test(stderr) ? 'absent' : DENIED.test(stderr) ? 'denied' : 'unavailable';
  const known = SENTENCES.find(([pattern]) => pattern.test(stderr))?.[1];
  if (kind === 'absent') return { kind, message: 'no such repository, or not for whoever asks' };
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('warning:'));
  const telling =
    lines.find((line) => /^(fatal|error|ERROR):/.test(line)) ?? lines.at(-1) ?? 'git failed without a word';
  const bare = telling.replace(/^(?:fatal|error|ERROR): /, '').replace(/^unable to access '[^']*': /, '');
  const safe = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), bare);
  return { kind, message: known ?? oneLine(safe, 300) };
}
