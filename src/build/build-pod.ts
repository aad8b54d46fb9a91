/**
 * The pods of a build: `prepare`, the engine and `verify` in one, or with several platforms one for each and one that
 * puts their images together; and the room and the time they get.
 */
import type { Spec } from '../api/image-spec.ts';
import type { V1Container, V1PodSpec, V1ResourceRequirements } from '../api/kubernetes.ts';
import { amountOf } from '../api/resources.ts';
import type { Target } from '../image/target.ts';
import type { Settings } from '../settings.ts';
import type { BuildContext } from './context.ts';
import { type EnginePart, PATHS, secretMountVolume } from './engine.ts';
import { ENGINES } from './engines.ts';
import {
  NOBODY,
  podOfOurs,
  registryMounts,
  sourceMounts,
  sourceVolumes,
  stepContainer,
  stepPod,
  stepVolumes,
} from './pod.ts';

/** The pod that builds. */
export function buildPod(
  target: Target,
  context: BuildContext,
  settings: Settings,
  stepImage: string,
): V1PodSpec {
  const engine = ENGINES[context.engine].part(target.builder, context);
  const [os, architecture = 'amd64'] = context.platform.split('/');
  const user = engine.container.securityContext?.runAsUser || NOBODY;
  const { nodeSelector, ...pod } = engine.pod ?? {};
  const prepare = stepContainer('prepare', stepImage, user, [
    ...registryMounts(target.spec, settings),
    ...sourceMounts(target.spec),
  ]);
  return {
    ...pod,
    ...podOfOurs(settings, timeoutOf(target.spec, settings)),
    ...accountOf(target.spec),
    terminationGracePeriodSeconds: 10,
    nodeSelector: {
      ...nodeSelector,
      'kubernetes.io/os': os as string,
      'kubernetes.io/arch': architecture === '386' ? 'amd64' : architecture,
    },
    ...(engine.client
      ? // Together, for the kubelet sees an end late: the second waits for the first by itself (step/turn.ts).
        { containers: [prepare, clientContainer(engine, settings, stepImage, user)] }
      : {
          initContainers: [prepare, engineContainer(engine, target, settings)],
          containers: [stepContainer('verify', stepImage, user, [])],
        }),
    volumes: [
      ...stepVolumes(target.spec, settings),
      ...sourceVolumes(target.spec),
      ...(target.spec.pipSecretMounts ?? []).map(({ secretKeyRef: { name, key } }, index) => ({
        name: secretMountVolume(index),
        secret: { secretName: name, defaultMode: 0o444, items: [{ key, path: 'value' }] },
      })),
      ...engine.volumes,
    ],
  };
}

/** The pod that puts the images of several platforms together. */
export function indexPod({ spec }: Target, settings: Settings, stepImage: string): V1PodSpec {
  const timeoutSeconds = timeoutOf(spec, settings);
  return {
    ...stepPod('index', stepImage, spec, settings, { timeoutSeconds, withSource: false }),
    ...accountOf(spec),
  };
}

/** Whose pods they are: of the tenant's account, where the spec names one. */
function accountOf({ build }: Spec): Pick<V1PodSpec, 'serviceAccountName'> {
  return build?.serviceAccountName === undefined ? {} : { serviceAccountName: build.serviceAccountName };
}

function engineContainer(engine: EnginePart, target: Target, settings: Settings): V1Container {
  return {
    name: 'build',
    resources: resourcesOf(target.spec, settings),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    ...engine.container,
    env: [...(engine.container.env ?? []), ...proxyVariables(settings)],
    volumeMounts: [
      { name: 'work', mountPath: PATHS.work },
      { name: 'auth', mountPath: PATHS.auth, readOnly: true },
      ...(engine.container.volumeMounts ?? []),
    ],
  };
}

/** The steps `build` and `verify` in one: our own program, with the engine's client. */
function clientContainer(
  { container }: EnginePart,
  settings: Settings,
  stepImage: string,
  user: number,
): V1Container {
  const { env = [], volumeMounts = [], ...more } = container;
  return {
    ...stepContainer('build', stepImage, user, volumeMounts),
    ...more,
    env: [...env, ...proxyVariables(settings)],
  };
}

/** For the engine's own pulls and pushes; what runs inside the build gets them as build arguments. */
function proxyVariables({ proxy }: Settings): { name: string; value: string }[] {
  const wanted = {
    HTTP_PROXY: proxy?.http,
    HTTPS_PROXY: proxy?.https,
    NO_PROXY: proxy?.noProxy.join(',') || undefined,
  };
  // Kubernetes would take $(…) in a value for a reference.
  return Object.entries(wanted).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value: value.replaceAll('$', '$$$$') }],
  );
}

/** Seconds that one attempt may take. */
export function timeoutOf({ build }: Spec, settings: Settings): number {
  return build?.timeoutSeconds ?? settings.defaults.timeoutSeconds;
}

/** What the spec says over what the settings say; a default gives way where it would not fit what was said. */
export function resourcesOf({ build }: Spec, settings: Settings): V1ResourceRequirements {
  const own = build?.resources;
  const requests: Record<string, string> = {};
  const limits: Record<string, string> = {};
  for (const kind of ['cpu', 'memory', 'ephemeral-storage'] as const) {
    const request = own?.requests?.[kind] ?? settings.defaults.resources.requests?.[kind];
    const limit = own?.limits?.[kind] ?? settings.defaults.resources.limits?.[kind];
    const exceeds = request !== undefined && limit !== undefined && amountOf(request) > amountOf(limit);
    const fitting = exceeds && own?.requests?.[kind] === undefined ? limit : request;
    const room = exceeds && own?.limits?.[kind] === undefined ? request : limit;
    if (fitting !== undefined) requests[kind] = fitting;
    if (room !== undefined) limits[kind] = room;
  }
  return { requests, limits };
}
