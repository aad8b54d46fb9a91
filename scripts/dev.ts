/**
 * `npm run dev`: the operator as a process of this host, against the local cluster, started anew at every
 * edit of src/. The operator inside the cluster, if there is one, is stopped meanwhile.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { pushOperator, up } from './cluster/cluster.ts';
import { localSettings } from './cluster/operator.ts';
import { run } from './cluster/run.ts';

if (process.argv.includes('--help')) {
  console.log(
    'usage: npm run dev\n\nRuns the operator from the sources against the local cluster; Ctrl-C ends it.',
  );
  process.exit(0);
}
const cluster = await up({ withoutOperator: true });
const settings = { ...(await localSettings(cluster)), stepImage: await pushOperator() };
const file = join(await mkdtemp(join(tmpdir(), 'imagespec-dev-')), 'settings.yaml');
await writeFile(file, stringify(settings));
const kubectl = (...args: string[]) => run(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, ...args]);
await kubectl('apply', '--server-side', '--force-conflicts', '-k', 'crds');
const deployed = await kubectl(
  'get',
  'deployment',
  '-n',
  'imagespec-system',
  '-o',
  'name',
  '--ignore-not-found',
);
if (deployed.stdout.trim()) {
  await kubectl('-n', 'imagespec-system', 'scale', 'deployment/imagespec-operator', '--replicas=0');
  console.error('The operator inside the cluster is stopped; "npm run demo" starts it again.');
}
const main = [
  '--watch-path=src',
  'src/main.ts',
  '--settings',
  file,
  '--kubeconfig',
  cluster.kubeconfig,
  '--port',
  '8081',
];
const operator = spawn(process.execPath, main, { stdio: ['inherit', 'pipe', 'inherit'] });
const pretty = spawn(join('node_modules/.bin/pino-pretty'), ['--singleLine'], {
  stdio: ['pipe', 'inherit', 'inherit'],
});
operator.stdout.pipe(pretty.stdin);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => operator.kill(signal));
operator.on('exit', (code) => process.exit(code ?? 0));
