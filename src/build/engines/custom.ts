/**
 * Custom: a program of the administrator's choice, in a container of their template. What it is given and what it must
 * do is the contract of docs/builders.md:
 *
 * /workspace/context holds the Dockerfile and its files, /workspace/build.args what the build takes beside them:
 * arguments as docker, podman and buildah write them, each ended by NUL. The program pushes the image to
 * IMAGESPEC_DESTINATION and writes the digest of its manifest to /workspace/result.
 */
import { z } from 'zod';
import type { BuildTemplate } from '../../api/build-template.ts';
import { CA_SECRET, secretMountId } from '../../image/recipe.ts';
import { printReference } from '../../image/reference.ts';
import { buildArguments } from '../arguments.ts';
import type { BuildContext } from '../context.ts';
import { type Engine, type EnginePart, PATHS, type Prepared } from '../engine.ts';
import { explainLog } from '../explain.ts';
import { destinationsOf, hostOf, type Registries } from '../registries.ts';
import { digestIn, plainRefuses, plainSecretMounts, secretFolderMounts, secretMountFile } from './parts.ts';

/** Where the program finds the folder that the steps of the pod share. */
const WORKSPACE = '/workspace';

export const custom = {
  dialect: (builder) => builder.dialect ?? 'Plain',
  options: z.strictObject({}),
  refuses: (target) => (target.builder.dialect === 'BuildKit' ? [] : plainRefuses(target)),
  part(builder, context) {
    const { container, volumes, ...pod } = builder.template as BuildTemplate;
    const own = container.env ?? [];
    const contract = Object.entries(variables(context)).map(([name, value]) => ({ name, value }));
    const secrets = context.dialect === 'Plain' ? plainSecretMounts(context) : secretFolderMounts(context);
    const work = { name: 'work', mountPath: WORKSPACE };
    const part = {
      container: {
        ...container,
        env: [...contract.filter(({ name }) => !own.some((one) => one.name === name)), ...own],
        volumeMounts: [work, ...secrets, ...(container.volumeMounts ?? [])],
      },
      volumes: volumes ?? [],
      pod,
    };
    // The schema leaves to Kubernetes what is its own.
    return part as EnginePart;
  },
  files: (context, prepared) => ({
    'build.args': buildArgs(context, prepared)
      .map((argument) => `${argument}\0`)
      .join(''),
    'registries.conf': registriesConf(context.registries),
  }),
  digestOf: digestIn,
  explain: explainLog,
} satisfies Engine;

function variables(context: BuildContext): Record<string, string> {
  const to = destinationsOf(context);
  return {
    IMAGESPEC_DESTINATION: printReference(to.image),
    IMAGESPEC_CACHE: to.cache,
    IMAGESPEC_PLATFORM: context.platform,
    IMAGESPEC_REBUILD: context.fresh ? 'true' : 'false',
    DOCKER_CONFIG: PATHS.auth,
    REGISTRY_AUTH_FILE: `${PATHS.auth}/config.json`,
    CONTAINERS_REGISTRIES_CONF: `${WORKSPACE}/registries.conf`,
    SSL_CERT_FILE: `${WORKSPACE}/ca.crt`,
  };
}

function buildArgs(context: BuildContext, prepared: Prepared): string[] {
  const secrets =
    context.dialect === 'Plain'
      ? []
      : [
          ...(context.caBundle === undefined ? [] : [[CA_SECRET, `${WORKSPACE}/ca.crt`]]),
          ...context.secretMounts.map((_, index) => [secretMountId(index), secretMountFile(index)]),
        ];
  return [
    ...Object.entries(buildArguments(context, prepared)).flatMap(([name, value]) => [
      '--build-arg',
      `${name}=${value}`,
    ]),
    ...Object.entries(context.labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]),
    ...secrets.flatMap(([id, file]) => ['--secret', `id=${id},src=${file}`]),
  ];
}

/** containers-registries.conf(5), which buildah, podman and skopeo read. JSON strings are TOML's too. */
function registriesConf(registries: Registries): string {
  const tables = registries.map(({ host, endpoint, insecure, mirrors }) => {
    const reached = hostOf(endpoint, host);
    const plain = insecure || endpoint?.startsWith('http://') === true;
    const lines = [
      '[[registry]]',
      `prefix = ${JSON.stringify(host)}`,
      `location = ${JSON.stringify(reached)}`,
      `insecure = ${plain}`,
      ...mirrors.flatMap((mirror) => ['[[registry.mirror]]', `location = ${JSON.stringify(mirror)}`]),
    ];
    return `${lines.join('\n')}\n`;
  });
  // The destination is named as it is reached.
  const endpoints = registries.flatMap(({ host, endpoint, insecure }) => {
    const reached = hostOf(endpoint, host);
    const known = reached === host || registries.some((entry) => entry.host === reached);
    const plain = insecure || endpoint?.startsWith('http://') === true;
    return known || !plain ? [] : [`[[registry]]\nlocation = ${JSON.stringify(reached)}\ninsecure = true\n`];
  });
  return ['unqualified-search-registries = ["docker.io"]\n', ...tables, ...new Set(endpoints)].join('');
}
