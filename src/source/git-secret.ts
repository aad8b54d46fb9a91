/**
 * The Secret of a git source, as git and ssh want it: files in memory, readable by this user alone.
 *
 * Keys are those of Kubernetes' own types: `kubernetes.io/basic-auth` and, with `known_hosts` beside the key,
 * `kubernetes.io/ssh-auth`.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SourceFailure } from './fetched.ts';

export interface GitLogin {
  readonly credentials?: string;
  readonly sshConfig?: string;
  /** What may not stand in any message. */
  readonly secrets: readonly string[];
}

const PRIVATE = { mode: 0o600 };
const WITH_SSH =
  'ssh-privatekey and known_hosts (kubectl create secret generic NAME --from-file=ssh-privatekey=FILE --from-file=known_hosts=FILE)';

/**
 * @param folder where the Secret is mounted, if there is one
 * @param auth folder in memory
 * @throws SourceFailure (denied) when the Secret lacks what this kind of URL needs
 */
export function gitLogin(url: string, folder: string, auth: string): GitLogin {
  const key = (name: string) => {
    const file = join(folder, name);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  const web = /^(https?):\/\/([^/]+)\//.exec(url);
  if (web === null) return ssh(key('ssh-privatekey'), key('known_hosts'), existsSync(folder), auth);
  if (!existsSync(folder)) return { secrets: [] };
  const password = key('password')?.replace(/\r?\n$/, '');
  if (!password)
    throw refused(
      'the Secret has no key password: a repository over http wants username and password, or a token as password',
    );
  const username = key('username')?.trim() || 'git';
  const credentials = join(auth, 'git-credentials');
  const [user, word] = [username, password].map(encodeURIComponent);
  writeFileSync(credentials, `${web[1]}://${user}:${word}@${web[2]}\n`, PRIVATE);
  return { credentials, secrets: [password, Buffer.from(`${username}:${password}`).toString('base64')] };
}

function ssh(
  privateKey: string | undefined,
  knownHosts: string | undefined,
  there: boolean,
  auth: string,
): GitLogin {
  if (!there) throw refused(`name a Secret: a repository over ssh wants one with ${WITH_SSH}`);
  if (!privateKey)
    throw refused(`the Secret has no key ssh-privatekey: a repository over ssh wants ${WITH_SSH}`);
  if (!knownHosts?.trim()) {
    throw refused(
      'the Secret has no key known_hosts, without which anybody could pretend to be the server: add the lines that ssh-keyscan prints for it, once you have compared them',
    );
  }
  const files = {
    key: join(auth, 'git-key'),
    hosts: join(auth, 'git-known-hosts'),
    config: join(auth, 'git-ssh-config'),
  };
  writeFileSync(files.key, sshLines(privateKey), PRIVATE);
  writeFileSync(files.hosts, sshLines(knownHosts), PRIVATE);
  writeFileSync(files.config, sshConfig(files), PRIVATE);
  return { sshConfig: files.config, secrets: [privateKey.trim()] };
}

/** ssh takes no key without a line's end, nor with those of Windows. */
const sshLines = (text: string) => `${text.trimEnd().replaceAll('\r\n', '\n')}\n`;

/** Nothing is asked of a person, guessed or forwarded. */
const sshConfig = ({ key, hosts }: { key: string; hosts: string }) =>
  `Host *
  BatchMode yes
  ConnectTimeout 20
  ServerAliveInterval 15
  ServerAliveCountMax 4
  LogLevel ERROR
  StrictHostKeyChecking yes
  UserKnownHostsFile "${hosts}"
  GlobalKnownHostsFile /dev/null
  UpdateHostKeys no
  IdentityFile "${key}"
  IdentitiesOnly yes
  IdentityAgent none
  PreferredAuthentications publickey
  ForwardAgent no
  ForwardX11 no
  ClearAllForwardings yes
  PermitLocalCommand no
  ProxyCommand none
`;

const refused = (message: string) =>
  new SourceFailure('denied', { field: 'spec.source.git.secretRef', message });
