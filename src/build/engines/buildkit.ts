/**
 * BuildKit, in Job mode with a rootless daemon of its own for each build, in the same container as the client; in
 * Daemon mode with the client alone, which speaks to a daemon that keeps its caches (manifests/components/buildkit-daemon);
 * the client is the one in our own image.
 *
 * Facts: moby/buildkit docs/rootless.md. newuidmap must gain privilege, mounts need seccomp and AppArmor
 * out of the way, so the namespace of the daemon must admit privileged pods; nothing runs as root outside the
 * daemon's user namespace. The client needs nothing of that: its pod is restricted.
 */

import { z } from 'zod';
import type { V1ResourceRequirements } from '../../api/kubernetes.ts';
import { CA_SECRET, secretMountId } from '../../image/recipe.ts';
import { printReference } from '../../image/reference.ts';
import type { BuilderSetting } from '../../settings.ts';
import { buildArguments } from '../arguments.ts';
import type { BuildContext } from '../context.ts';
import { type Engine, PATHS, type Prepared } from '../engine.ts';
import { explainLog } from '../explain.ts';
import { destinationsOf, hostOf, type Registries } from '../registries.ts';
import { DAEMON_SCRIPT, JOB_SCRIPT, SOCKET } from './buildkit-scripts.ts';
import { secretFolderMounts, secretMountFile } from './parts.ts';

const IMAGE = 'docker.io/moby/buildkit:v0.32.2-rootless';

export const buildkit = {
  dialect: () => 'BuildKit',
  podSecurity: 'privileged',
  options: z.strictObject({}),
  refuses: () => [],
  part(builder: BuilderSetting, context: Pick<BuildContext, 'secretMounts' | 'daemon'>) {
    const { daemon } = context;
    const secretMounts = secretFolderMounts(context);
    const env = [
      { name: 'DOCKER_CONFIG', value: PATHS.auth },
      { name: 'SSL_CERT_FILE', value: PATHS.ca },
    ];
    if (daemon === undefined) {
      const unconfined = { type: 'Unconfined' };
      return {
        container: {
          image: builder.image ?? IMAGE,
          command: ['sh', `${PATHS.work}/build.sh`],
          env,
          securityContext: {
            runAsUser: 1000,
            runAsGroup: 1000,
            runAsNonRoot: true,
            seccompProfile: unconfined,
            appArmorProfile: unconfined,
          },
          volumeMounts: [
            { name: 'buildkit', mountPath: '/home/user/.local/share/buildkit' },
            ...secretMounts,
          ],
        },
        volumes: [{ name: 'buildkit', emptyDir: {} }],
      };
    }
    return {
      client: true,
      container: {
        env,
        resources: CLIENT_RESOURCES,
        volumeMounts: [{ name: 'daemon-tls', mountPath: TLS, readOnly: true }, ...secretMounts],
      },
      volumes: [
        {
          name: 'daemon-tls',
          secret: {
            secretName: daemon.tlsSecret,
            defaultMode: 0o444,
            items: ['ca.crt', 'tls.crt', 'tls.key'].map((key) => ({ key, path: key })),
          },
        },
      ],
    };
  },
  files(context, prepared) {
    const { daemon } = context;
    const shared = {
      'probe.args': asArguments([...reaching(daemon), 'debug', 'workers']),
      'buildctl.args': asArguments([...reaching(daemon), ...clientArguments(context, prepared)]),
    };
    if (daemon === undefined) {
      return { ...shared, 'build.sh': JOB_SCRIPT, 'buildkitd.toml': registriesToml(context.registries) };
    }
    const named = `the BuildKit daemon ${daemon.address}`;
    return {
      ...shared,
      'build.sh': DAEMON_SCRIPT,
      'silent.txt': `imagespec: NotStarted: ${named} does not answer`,
      'refused.txt': `imagespec: NotStarted: ${named}, as ${daemon.serverName}, and the Secret ${daemon.tlsSecret} of this namespace do not take each other's certificates`,
    };
  },
  digestOf(result) {
    try {
      const found: unknown = JSON.parse(result)['containerimage.digest'];
      return typeof found === 'string' ? found : undefined;
    } catch {
      return undefined;
    }
  },
  explain: explainLog,
} satisfies Engine;

/** The client reads the context and copies lines; what the build needs, the daemon has. */
const CLIENT_RESOURCES: V1ResourceRequirements = {
  requests: { cpu: '50m', memory: '128Mi', 'ephemeral-storage': '64Mi' },
  limits: { cpu: '1', memory: '512Mi', 'ephemeral-storage': '4Gi' },
};

/** Where the client finds ca.crt, tls.crt and tls.key. */
const TLS = '/imagespec/daemon';

/** How the client reaches its daemon. */
function reaching(daemon: BuildContext['daemon']): string[] {
  if (daemon === undefined) return [`--addr=${SOCKET}`];
  return [`--addr=${daemon.address}`, `--tlsdir=${TLS}`, `--tlsservername=${daemon.serverName}`];
}

const asArguments = (list: readonly string[]) => list.map((argument) => `${argument}\0`).join('');

/**
 * The part of buildkitd.toml that says who is plain HTTP and who stands in for whom. JSON strings and lists are
 * TOML's too.
 */
export function registriesToml(registries: Registries): string {
  const tables = new Map<string, Map<string, string>>();
  const set = (host: string, key: string, value: unknown) => {
    const table = tables.get(host) ?? new Map<string, string>();
    tables.set(host, table.set(key, JSON.stringify(value)));
  };
  for (const { host, endpoint, insecure, mirrors } of registries) {
    const reached = hostOf(endpoint, host);
    const others = [...(reached === host ? [] : [reached]), ...mirrors];
    if (others.length > 0) set(host, 'mirrors', others);
    if (endpoint?.startsWith('http://') || (insecure && endpoint === undefined)) set(reached, 'http', true);
    else if (insecure) set(reached, 'insecure', true);
  }
  return [...tables]
    .map(
      ([host, table]) =>
        `[registry.${JSON.stringify(host)}]\n${[...table].map(([key, value]) => `  ${key} = ${value}\n`).join('')}`,
    )
    .join('');
}

function clientArguments(context: BuildContext, prepared: Prepared): string[] {
  const { daemon } = context;
  const to = destinationsOf(context);
  const cache = `type=registry,ref=${to.cache}:buildkit-${context.platform.replaceAll('/', '-')}`;
  const values: Record<string, string> = {
    ...buildArguments(context, prepared),
    ...(daemon?.cacheNamespace === undefined ? {} : { BUILDKIT_CACHE_MOUNT_NS: daemon.cacheNamespace }),
  };
  return [
    'build',
    '--progress=plain',
    '--frontend=dockerfile.v0',
    `--local=context=${PATHS.context}`,
    `--local=dockerfile=${PATHS.context}`,
    `--opt=platform=${context.platform}`,
    ...(context.caBundle === undefined ? [] : [`--secret=id=${CA_SECRET},src=${PATHS.ca}`]),
    ...context.secretMounts.map(
      (_, index) => `--secret=id=${secretMountId(index)},src=${secretMountFile(index)}`,
    ),
    // Two arguments: buildctl takes the white space off the ends of one that begins with a dash.
    ...Object.entries(values).flatMap(([name, value]) => ['--opt', `build-arg:${name}=${value}`]),
    `--output=type=image,name=${printReference(to.image)},push=true,oci-mediatypes=true,compression=zstd`,
    // A daemon of this build has only what it imports; another one has what it kept.
    ...(context.fresh ? ['--no-cache'] : [`--import-cache=${cache}`]),
    `--export-cache=${cache},mode=max,compression=zstd,ignore-error=true`,
    `--metadata-file=${PATHS.result}`,
  ];
}
