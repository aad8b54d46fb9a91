/**
 * The operator's front door: read the settings, build the parts, start, and on SIGTERM stop cleanly.
 *
 * `--settings FILE` names the settings (default: none), `--kubeconfig FILE` an API server outside a pod.
 */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { V1Pod } from './api/kubernetes.ts';
import { Answers } from './controller/answers.ts';
import { Builds } from './controller/builds.ts';
import { Controller } from './controller/controller.ts';
import { type Connection, connect } from './kube/connection.ts';
import { KubeError, kubeErrorOf } from './kube/errors.ts';
import { EventRecorder } from './kube/events.ts';
import { PODS, pathOf } from './kube/resource.ts';
import { type Log, makeLog } from './log.ts';
import { makeMetrics } from './metrics.ts';
import { anonymous, DockerConfigError, readDockerConfig } from './registry/credentials.ts';
import { RegistryClient } from './registry/registry-client.ts';
import { serve } from './server/server.ts';
import { readSettings, SettingsError } from './settings-file.ts';

const HELP = `usage: imagespec-operator [--settings FILE] [--kubeconfig FILE] [--port PORT]

Watches ImageSpecs and sees to it that their images exist.

  --settings FILE    the operator's settings (YAML); without it, the defaults
  --kubeconfig FILE  the API server to use; without it, the pod's own
  --port PORT        for /healthz, /readyz and /metrics (default 8080)
  --help             this text

Environment: LOG_LEVEL (info); POD_NAMESPACE and POD_NAME tell the pod its own image, which is also
that of the build steps, unless the settings name another (stepImage).`;

/** In-flight passes get this long after SIGTERM; then the process ends anyway. */
const GRACE_MS = 20_000;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      settings: { type: 'string' },
      kubeconfig: { type: 'string' },
      port: { type: 'string', default: '8080' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const text = values.settings === undefined ? '' : await readNamed('--settings', values.settings);
  const settings = readSettings(text, values.settings);
  const log = makeLog(process.env.LOG_LEVEL);
  const connection = await connect({ kubeconfig: values.kubeconfig, env: process.env });
  const credentials = settings.dockerConfigFile
    ? readDockerConfig(await readNamed('dockerConfigFile', settings.dockerConfigFile))
    : { store: anonymous, ignored: [] };
  for (const ignored of credentials.ignored)
    log.warn({ ignored }, 'Part of the docker config file is not used');
  const { registries, caBundle, proxy } = settings;
  const registry = new RegistryClient({ registries, caBundle, proxy, credentials: credentials.store });
  const events = new EventRecorder({ connection, log, instance: hostname() });
  const metrics = makeMetrics();
  let controller: Controller | undefined;
  let stopping = false;
  const probes = {
    // Who still waits for the API server would do nothing else after another start.
    healthy: () => controller?.healthy() ?? true,
    ready: () => controller?.ready === true && !stopping,
  };
  const server = await serve(Number(values.port), probes, metrics);

  async function stop(signal: string): Promise<void> {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'Stopping');
    setTimeout(() => process.exit(1), GRACE_MS).unref();
    await controller?.stop();
    await events.idle();
    await Promise.all([server.close(), registry.close(), connection.close()]);
    log.info('Stopped');
    process.exit(0);
  }
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));

  log.info(
    { server: connection.server, port: server.port, builders: settings.builders.map((one) => one.name) },
    'Starting',
  );
  const stepImage = settings.stepImage ?? (await ownImage(connection, log));
  const started = new Controller({
    connection,
    registry,
    settings,
    events,
    metrics,
    log,
    stepImage,
    builds: new Builds(settings),
    answers: new Answers(),
    now: () => new Date(),
  });
  controller = started;
  metrics.watch(() => started.counts());
  await started.start();
  log.info('Watching ImageSpecs');
}

/** A file that somebody named: when it cannot be read, the one who named it is told where. */
async function readNamed(field: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new SettingsError(`${field}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * The image this pod runs: what is good enough for the operator is good enough for its steps. An API server that is away
 * is waited for.
 */
async function ownImage(connection: Connection, log: Log): Promise<string> {
  const { POD_NAMESPACE: namespace, POD_NAME: name } = process.env;
  if (!namespace || !name) {
    throw new SettingsError(
      'stepImage: name the image of the build steps, which is the image of the operator',
    );
  }
  const ask = { method: 'GET', path: pathOf(PODS, { namespace, name }) } as const;
  for (let againInMs = 1000; ; againInMs = Math.min(2 * againInMs, 30_000)) {
    try {
      const pod = await connection.request<V1Pod>(ask);
      const image = pod.spec?.containers.find((container) => container.name === 'operator')?.image;
      if (!image) throw new Error(`the pod ${namespace}/${name} has no container named operator`);
      return image;
    } catch (error) {
      if (!(error instanceof KubeError) || (error.code >= 400 && error.code < 500)) throw error;
      log.warn({ error: kubeErrorOf(error), againInMs }, 'Waiting for the API server');
      await sleep(againInMs);
    }
  }
}

main().catch((error: unknown) => {
  console.error(
    error instanceof SettingsError || error instanceof DockerConfigError
      ? `the settings do not fit:\n${error.message}`
      : error,
  );
  process.exit(1);
});
