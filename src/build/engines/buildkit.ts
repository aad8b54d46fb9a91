/**
 * BuildKit in Job mode: a rootless daemon of its own for each build, in the same container as the client.
 *
 * Facts: moby/buildkit docs/rootless.md. newuidmap must gain privilege, mounts need seccomp and AppArmor
 * out of the way, so the namespace must admit privileged pods; nothing runs as root outside the daemon's
 * user namespace.
 */

import { z } from 'zod';
import { ARGUMENTS, CA_SECRET, secretMountId } from '../../image/recipe.ts';
import { type ImageReference, parseReference, printReference } from '../../image/reference.ts';
import type { BuildContext } from '../context.ts';
import { type Engine, PATHS, type Prepared, secretMountVolume } from '../engine.ts';
import { explainLog } from '../explain.ts';
import { hostOf, type Registries } from '../registries.ts';

/**
 * The client's arguments come from a file, separated by NUL: no text of a user ever meets the shell.
 * The end of the log goes where the kubelet looks for it: the lines of the step that failed, in the form of
 * BuildKit's own summary, which itself loses the beginning of lines that were written in parts.
 */
const SCRIPT = `set -eu
work=${PATHS.work}
socket=unix:///tmp/buildkitd.sock
touch "$work/times/build.begin"
rootlesskit buildkitd --addr "$socket" --oci-worker-no-process-sandbox --config "$work/buildkitd.toml" >/tmp/buildkitd.log 2>&1 &
tries=0
until buildctl --addr "$socket" debug workers >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ "$tries" -gt 300 ]; then
    echo "imagespec: Interrupted: the BuildKit daemon did not start" | tee /dev/termination-log
    tail -n 20 /tmp/buildkitd.log | tee -a /dev/termination-log
    exit 1
  fi
  sleep 0.1
done
{ xargs -0 -x -n 2000 -s 1000000 buildctl --addr "$socket" <"$work/buildctl.args" && echo 0 >/tmp/exit || echo 1 >/tmp/exit; } 2>&1 | tee /tmp/build.log
touch "$work/times/build.end"
if [ "$(cat /tmp/exit)" != 0 ]; then
  failed=$(sed -n 's/^#\\([0-9]*\\) ERROR: process .*/\\1/p' /tmp/build.log | tail -n 1)
  if [ -n "$failed" ]; then
    {
      echo ' > [failed]:'
      sed -n "s/^#$failed \\([0-9][0-9]*[.][0-9]* \\)/\\1/p" /tmp/build.log | tail -n 40 | tail -c 3000
      echo ------
      grep '^error: ' /tmp/build.log | tail -n 1 | head -c 900
    } >/dev/termination-log
  else
    summary=$(sed -n '/^------$/,$p' /tmp/build.log)
    printf '%s\\n' "\${summary:-$(tail -n 20 /tmp/build.log)}" | tail -c 4000 >/dev/termination-log
  fi
  exit 1
fi
`;

const IMAGE = 'docker.io/moby/buildkit:v0.32.2-rootless';

export const buildkit: Engine = {
  dialect: 'BuildKit',
  options: z.strictObject({}),
  refuses: () => [],
  part: (builder, context) => ({
    container: {
      image: builder.image ?? IMAGE,
      command: ['sh', `${PATHS.work}/build.sh`],
      env: [
        { name: 'DOCKER_CONFIG', value: PATHS.auth },
        { name: 'SSL_CERT_FILE', value: PATHS.ca },
      ],
      securityContext: {
        runAsUser: 1000,
        runAsGroup: 1000,
        runAsNonRoot: true,
        seccompProfile: { type: 'Unconfined' },
        appArmorProfile: { type: 'Unconfined' },
      },
      volumeMounts: [
        { name: 'buildkit', mountPath: '/home/user/.local/share/buildkit' },
        ...context.secretMounts.map((_, index) => ({
          name: secretMountVolume(index),
          mountPath: secretMountFolder(index),
          readOnly: true,
        })),
      ],
    },
    volumes: [{ name: 'buildkit', emptyDir: {} }],
  }),
  files: (context, prepared) => ({
    'build.sh': SCRIPT,
    'buildkitd.toml': daemonConfig(context.registries),
    'buildctl.args': clientArguments(context, prepared)
      .map((argument) => `${argument}\0`)
      .join(''),
  }),
  digestOf(result) {
    try {
      const found: unknown = JSON.parse(result)['containerimage.digest'];
      return typeof found === 'string' ? found : undefined;
    } catch {
      return undefined;
    }
  },
  explain: explainLog,
};

const secretMountFolder = (index: number) => `/imagespec/secret-mounts/${index}`;

/** buildkitd.toml: who is plain HTTP, who stands in for whom. JSON strings and lists are TOML's too. */
function daemonConfig(registries: Registries): string {
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
  const pushed = reachedAs(parseReference(context.image) as ImageReference, context.registries);
  const repository = `${pushed.host}/${pushed.repository}`;
  const cache = `type=registry,ref=${repository}-cache:buildkit-${context.platform.replaceAll('/', '-')}`;
  const values: Record<string, string> = {
    ...context.args,
    [ARGUMENTS.base]: prepared.base,
    ...context.tools,
    ...(context.user === undefined ? { [ARGUMENTS.user]: prepared.user } : {}),
    ...proxyArguments(context.proxy),
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
      (_, index) => `--secret=id=${secretMountId(index)},src=${secretMountFolder(index)}/value`,
    ),
    // Two arguments: buildctl takes the white space off the ends of one that begins with a dash.
    ...Object.entries(values).flatMap(([name, value]) => ['--opt', `build-arg:${name}=${value}`]),
    `--output=type=image,name=${printReference(pushed)},push=true,oci-mediatypes=true,compression=zstd`,
    // The daemon is new for each build: what it does not import it does not have.
    ...(context.fresh ? [] : [`--import-cache=${cache}`]),
    `--export-cache=${cache},mode=max,compression=zstd,ignore-error=true`,
    `--metadata-file=${PATHS.result}`,
  ];
}

/** The image as the daemon pushes it: at the registry's endpoint, where the settings name one. */
function reachedAs(image: ImageReference, registries: Registries): ImageReference {
  const setting = registries.find((entry) => entry.host === image.host);
  return { ...image, host: hostOf(setting?.endpoint, image.host) };
}

/** Docker's predefined arguments: known to every step, part of no cache key. */
function proxyArguments(proxy: BuildContext['proxy']): Record<string, string> {
  const found: Record<string, string> = {};
  if (proxy?.http) found.HTTP_PROXY = proxy.http;
  if (proxy?.https) found.HTTPS_PROXY = proxy.https;
  if (proxy && proxy.noProxy.length > 0) found.NO_PROXY = proxy.noProxy.join(',');
  return found;
}
