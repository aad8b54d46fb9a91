/**
 * The front door of every command: `node scripts/run.mjs COMMAND [argument ...]` runs scripts/COMMAND.ts.
 *
 * It runs on the Node that happens to be installed (20 or later) and uses nothing but Node itself: it
 * installs the project's own packages when package-lock.json changed since the last time, and hands over
 * to the Node 24 that comes with them.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'node_modules', '.bin');

function installPackages() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.imagespec-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.error('Installing the packages of package-lock.json (about 20 s) ...');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (npm.status !== 0) {
    console.error(
      npm.error ? `npm could not be started: ${npm.error.message}` : 'npm ci failed; its words are above.',
    );
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

function commands() {
  return readdirSync(join(root, 'scripts'))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.slice(0, -'.ts'.length));
}

const [command, ...rest] = process.argv.slice(2);
if (!command || !commands().includes(command)) {
  console.error(`usage: node scripts/run.mjs COMMAND [argument ...]\ncommands: ${commands().join(' ')}`);
  process.exit(2);
}
installPackages();

const child = spawn(join(bin, 'node'), [join(root, 'scripts', `${command}.ts`), ...rest], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PATH: `${bin}:${process.env.PATH}` },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
