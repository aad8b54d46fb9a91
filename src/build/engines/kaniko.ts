/**
 * Kaniko: builds as root of its own container, without any privilege beyond it, in namespaces that admit baseline
 * pods. It unpacks the base image over its own root and runs the steps there; what is mounted is in no layer.
 *
 * Its image has no shell, so all it is told stands in the pod's arguments and in the Dockerfile. Kubernetes takes `$(…)`
 * in arguments for references and `$$` for `$`: a doubled `$` is always one `$`. What only `prepare` knows, the pinned
 * base image and its user, becomes a default in the Dockerfile; both are held to a grammar.
 * Facts: chainguard-dev/kaniko v1.25.5, which the tests run, and its living relative osscontainertools/kaniko.
 */
import { z } from 'zod';
import { ARGUMENTS } from '../../image/recipe.ts';
import { printReference } from '../../image/reference.ts';
import type { Problem, Target } from '../../image/target.ts';
import { proxyArguments } from '../arguments.ts';
import type { BuildContext } from '../context.ts';
import { type Engine, PATHS, type Prepared } from '../engine.ts';
import { explainLog } from '../explain.ts';
import { destinationsOf, hostOf, type Registries } from '../registries.ts';
import { digestIn, plainRefuses, plainSecretMounts } from './parts.ts';

const IMAGE = 'ghcr.io/osscontainertools/kaniko:v1.28.3';

/**
 * Unpacking and installing change owners and modes; steps may become other users. Without FSETID set-gid bits get
 * lost in silence, without SETFCAP images with file capabilities cannot be unpacked.
 */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETFCAP', 'SETGID', 'SETUID'];

export const kaniko = {
  dialect: () => 'Plain',
  podSecurity: 'baseline',
  options: z.strictObject({}),
  refuses: (target) => [...plainRefuses(target), ...occupied(target)],
  part: (builder, context) => ({
    container: {
      image: builder.image ?? IMAGE,
      command: ['/kaniko/executor'],
      args: executorArguments(context).map((argument) => argument.replaceAll('$', '$$$$')),
      env: [
        { name: 'DOCKER_CONFIG', value: PATHS.auth },
        { name: 'SSL_CERT_FILE', value: PATHS.ca },
        // Of the newer relative only: keys of cached layers that cannot be mistaken for one another.
        { name: 'FF_KANIKO_ROLLING_CACHE_KEY', value: 'true' },
        { name: 'FF_KANIKO_HASH_DIR_FRAMING', value: 'true' },
      ],
      securityContext: {
        runAsUser: 0,
        runAsGroup: 0,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'], add: CAPABILITIES },
        seccompProfile: { type: 'RuntimeDefault' },
      },
      volumeMounts: plainSecretMounts(context),
    },
    volumes: [],
  }),
  files: (context, prepared) => ({ 'context/Dockerfile': withDefaults(context, prepared) }),
  digestOf: digestIn,
  explain: explainLog,
} satisfies Engine;

/** Kaniko makes no folder that its own image has, and what is mounted or its own is in no layer. */
function occupied({ effective, builder }: Target): Problem[] {
  const { workdir } = effective;
  const place = walked(workdir);
  if (place !== '/workspace' && !/^\/(kaniko|imagespec)(\/|$)/.test(place)) return [];
  const message = `builder ${builder.name} has a folder ${workdir} itself; choose another, or a builder with engine BuildKit`;
  return [{ field: 'spec.workdir', message }];
}

/** Where an absolute path leads that may hold `.` and `..`. */
function walked(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** The Dockerfile with the base image and, unless the spec names one, the user that `prepare` found. */
function withDefaults({ dockerfile, user }: BuildContext, prepared: Prepared): string {
  const values = {
    [ARGUMENTS.base]: prepared.base,
    ...(user === undefined ? { [ARGUMENTS.user]: prepared.user } : {}),
  };
  return Object.entries(values).reduce(
    (text, [name, value]) => text.replace(new RegExp(`^ARG ${name}=.*$`, 'm'), () => `ARG ${name}=${value}`),
    dockerfile,
  );
}

function executorArguments(context: BuildContext): string[] {
  const to = destinationsOf(context);
  const values = { ...context.args, ...context.tools, ...proxyArguments(context.proxy) };
  return [
    // It looks for signs of a container, and not all runtimes leave some.
    '--force',
    `--context=dir://${PATHS.context}`,
    `--dockerfile=${PATHS.context}/Dockerfile`,
    `--destination=${printReference(to.image)}`,
    `--custom-platform=${context.platform}`,
    `--digest-file=${PATHS.result}`,
    '--cache=true',
    `--cache-repo=${to.cache}`,
    // Everything in the cache is too old; what is made now takes its place.
    ...(context.fresh ? ['--cache-ttl=0s'] : []),
    // prepare has asked for the image; a cache that may not be written is no reason to fail.
    '--skip-push-permission-check',
    // Counts for OCI images; layers of Docker's own format stay gzip.
    '--compression=zstd',
    // Layers would be held in memory until they are pushed.
    '--compressed-caching=false',
    '--image-download-retry=2',
    '--push-retry=2',
    '--log-format=text',
    ...registryArguments(context.registries),
    ...Object.entries(values).map(([name, value]) => `--build-arg=${name}=${value}`),
    ...Object.entries(context.labels).map(([name, value]) => `--label=${name}=${value}`),
  ];
}

/** Who is plain HTTP or signed by nobody, and who stands in for whom when something is pulled. */
function registryArguments(registries: Registries): string[] {
  return registries.flatMap(({ host, endpoint, insecure, mirrors }) => {
    const reached = hostOf(endpoint, host);
    const others = [...(reached === host ? [] : [reached]), ...mirrors];
    const named = host === 'docker.io' ? 'index.docker.io' : host;
    const plain = endpoint?.startsWith('http://') || (insecure && endpoint === undefined);
    return [
      ...others.map((other) => `--registry-map=${named}=${other}`),
      ...(plain ? [`--insecure-registry=${reached}`] : []),
      ...(insecure ? [`--skip-tls-verify-registry=${reached}`] : []),
    ];
  });
}
