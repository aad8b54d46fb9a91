/** Git over ssh: a real sshd on a port of its own, for whoever runs the tests. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startGuarded } from './guarded.ts';

export interface GitSsh {
  /** `ssh://user@host:port`, without a slash at its end; repositories follow by their absolute path. */
  readonly origin: string;
  /** What may log in. */
  readonly privateKey: string;
  /** The server's own lines of known_hosts. */
  readonly knownHosts: string;
  stop(): Promise<void>;
}

/** @param folder for keys and configuration, @param address to listen on */
export async function startGitSsh(folder: string, address = '127.0.0.1'): Promise<GitSsh> {
  mkdirSync(folder, { recursive: true });
  for (const name of ['host', 'user']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(folder, name)]);
  }
  const port = await freePort(address);
  const config = join(folder, 'sshd_config');
  writeFileSync(
    config,
    `ListenAddress ${address}:${port}
HostKey ${join(folder, 'host')}
AuthorizedKeysFile ${join(folder, 'user.pub')}
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AcceptEnv GIT_PROTOCOL
`,
  );
  // sshd as root gives up its rights in this folder.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const log = join(folder, 'sshd.log');
  const sshd = startGuarded(['/usr/sbin/sshd', '-D', '-e', '-f', config], log);
  for (let tries = 0; !readLog(log).includes('Server listening'); tries++) {
    if (tries === 100 || sshd.ended())
      throw new Error(`sshd (Debian package openssh-server) does not listen:\n${readLog(log)}`);
    await sleep(50);
  }
  const hostKey = readFileSync(join(folder, 'host.pub'), 'utf8').trim();
  return {
    origin: `ssh://${userInfo().username}@${address}:${port}`,
    privateKey: readFileSync(join(folder, 'user'), 'utf8'),
    knownHosts: `[${address}]:${port} ${hostKey}\n`,
    stop: () => sshd.end('TERM'),
  };
}

function readLog(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

async function freePort(address: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const server = createServer().listen(0, address, () => {
    const { port } = server.address() as { port: number };
    server.close(() => resolve(port));
  });
  return await promise;
}
