/** The operator's settings: one schema, sane defaults. `settings-file.ts` reads them. */
import { z } from 'zod';
import { buildTemplateSchema } from './api/build-template.ts';
import { resourcesSchema } from './api/resources.ts';
import { REGISTRY, REGISTRY_MESSAGE } from './api/spec/target.ts';
import { REFERENCE, SECRET_NAME } from './api/spec/text.ts';

const host = z
  .string()
  .regex(
    /^[a-z0-9.-]+(:[0-9]{1,5})?$/,
    'write a host in lower case, with a port if it has one: ghcr.io or registry.example.com:5000',
  );

const imageName = z
  .string()
  .max(512)
  .regex(REFERENCE, 'write an image reference such as ghcr.io/acme/tools:1.0');

const proxyUrl = z.url({ protocol: /^https?$/, error: 'write a URL such as http://proxy.example.com:3128' });

const registrySchema = z
  .strictObject({
    host: host.describe('the name as users write it in image names'),
    endpoint: z
      .string()
      .regex(
        /^https?:\/\/[^\s/?#@]+$/,
        'write a URL of scheme, host and port only, such as http://kind-registry:5000',
      )
      .optional()
      .describe('where the registry is really reached from inside the cluster; the status keeps the host'),
    insecure: z.boolean().default(false).describe('plain HTTP, or HTTPS with a certificate nobody signed'),
    mirrors: z.array(host).max(8).default([]).describe('hosts asked first when pulling base images'),
  })
  .readonly();
export type RegistrySetting = z.output<typeof registrySchema>;

const builderSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'write a lower-case name such as buildkit')
      .describe('what spec.builder says'),
    engine: z
      .enum(['BuildKit', 'Kaniko', 'Noop', 'Custom'], {
        error: 'known engines: BuildKit, Kaniko, Noop, Custom',
      })
      .describe('the program that builds'),
    priority: z.int().min(0).max(1000).default(5).describe('the highest builds what names no builder'),
    image: imageName
      .optional()
      .describe(
        "the engine's image; default: the release this operator was tested with; with daemon the client of the operator's own image is used",
      ),
    daemon: z
      .strictObject({
        address: z
          .string()
          .regex(
            /^tcp:\/\/[a-z0-9{}.-]+:[0-9]{1,5}$/,
            'write tcp://host:port; {namespace} stands for the namespace of the ImageSpec',
          )
          .default('tcp://buildkitd.{namespace}.svc:1234')
          .describe('where the daemon listens; {namespace} is that of the ImageSpec'),
        tlsSecret: z
          .string()
          .min(1)
          .max(253)
          .default('buildkit-client')
          .describe("Secret of the ImageSpec's namespace with ca.crt, tls.crt and tls.key"),
        serverName: z
          .string()
          .min(1)
          .max(253)
          .default('buildkitd')
          .describe("the name in the daemon's certificate"),
        sharedTrust: z
          .boolean()
          .default(false)
          .describe(
            'true allows an address without {namespace}: one daemon for many namespaces, whose builds can then reach each other',
          ),
      })
      .refine(
        ({ address, sharedTrust }) => sharedTrust || address.includes('{namespace}'),
        'a daemon is one trust domain: write {namespace} into address, or sharedTrust: true',
      )
      .optional()
      .describe('BuildKit only: builds go to a daemon that keeps its caches, instead of one of their own'),
    template: buildTemplateSchema
      .optional()
      .describe('Custom only: the pod of a program of your choice; docs/builders.md has the contract'),
    dialect: z
      .enum(['BuildKit', 'Plain'])
      .optional()
      .describe(
        'Custom only: the Dockerfiles its program is given; BuildKit for those that know RUN --mount; default: Plain',
      ),
  })
  .refine(({ engine, daemon }) => daemon === undefined || engine === 'BuildKit', {
    message: 'only the engine BuildKit has a daemon',
    path: ['daemon'],
  })
  .refine(({ engine, template }) => (engine === 'Custom') === (template !== undefined), {
    message: 'the engine Custom has a template, and no other',
    path: ['template'],
  })
  .refine(({ engine, dialect }) => dialect === undefined || engine === 'Custom', {
    message: 'only for the engine Custom; the others have their own',
    path: ['dialect'],
  })
  .refine(({ engine, image }) => image === undefined || (engine !== 'Custom' && engine !== 'Noop'), {
    message: 'the engine Custom has its image in template.container.image, and Noop has none',
    path: ['image'],
  })
  .readonly();
export type BuilderSetting = z.output<typeof builderSchema>;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/;

export const settingsSchema = z
  .strictObject({
    defaults: z
      .strictObject({
        registry: z
          .string()
          .max(255)
          .regex(REGISTRY, REGISTRY_MESSAGE)
          .optional()
          .describe('for ImageSpecs that name none'),
        baseImage: imageName
          .optional()
          .describe(
            'instead of python:<pythonVersion>-slim; changes the hash of every ImageSpec without a base',
          ),
        pushSecretRef: z
          .strictObject({ name: SECRET_NAME })
          .optional()
          .describe("the Secret, in each ImageSpec's own namespace, that pushes where the spec names none"),
        timeoutSeconds: z.int().min(30).max(86_400).default(3600).describe('longest time of one attempt'),
        retries: z
          .int()
          .min(0)
          .max(10)
          .default(2)
          .describe('further attempts after a failure that may pass by itself'),
        resources: resourcesSchema
          .prefault({
            requests: { cpu: '500m', memory: '1Gi', 'ephemeral-storage': '2Gi' },
            limits: { cpu: '2', memory: '4Gi', 'ephemeral-storage': '20Gi' },
          })
          .describe('of the build, where the spec sets none'),
      })
      .prefault({}),
    registries: z
      .array(registrySchema)
      .max(64)
      .default([])
      .describe(
        'registries that need more than HTTPS to the host users write; listing one also vouches for its address',
      ),
    dockerConfigFile: z
      .string()
      .optional()
      .describe("path of a docker config.json with the operator's own read access; anonymous without it"),
    caBundle: z
      .string()
      .max(32 * 1024, 'at most 32 KiB: give only the additional certificates, not the public ones')
      .regex(CERTIFICATE, 'write PEM: -----BEGIN CERTIFICATE----- ...')
      .optional()
      .describe(
        'additional certificate authorities, for the operator, the builds and their package downloads',
      ),
    proxy: z
      .strictObject({
        http: proxyUrl.optional().describe('proxy for plain HTTP, of the operator and of builds'),
        https: proxyUrl.optional().describe('proxy for HTTPS'),
        noProxy: z.array(z.string()).max(64).default([]).describe('hosts reached without it'),
      })
      .optional(),
    builders: z
      .array(builderSchema)
      .min(1, 'name at least one builder, or leave the field out for the default one')
      .max(16)
      .prefault([
        { name: 'buildkit', engine: 'BuildKit', priority: 5 },
        { name: 'kaniko', engine: 'Kaniko', priority: 3 },
        { name: 'noop', engine: 'Noop', priority: 0 },
      ])
      .describe('what ImageSpecs may choose from'),
    stepImage: imageName
      .optional()
      .describe("image of the prepare and verify steps; default: the operator's own"),
    toolImages: z
      .strictObject({
        uv: imageName.default('ghcr.io/astral-sh/uv:0.12.5').describe('image with the uv binary as /uv'),
        conda: imageName
          .default('python:3.12-slim')
          .describe('image with a Python, 3.10 or later, in which conda packages are chosen and unpacked'),
      })
      .prefault({}),
    flytekitVersion: z
      .string()
      .regex(/^[0-9]+(\.[0-9A-Za-z]+)*$/, 'write a version of flytekit such as 1.16.31')
      .default('1.16.31')
      .describe('the flytekit installed under profile Flytekit where the spec names none'),
    imagePullSecrets: z
      .array(SECRET_NAME)
      .max(8)
      .default([])
      .describe("Secrets of each build's namespace that pull the engine's and the steps' images"),
    sources: z
      .strictObject({
        pollSeconds: z
          .int()
          .min(10)
          .max(86_400)
          .default(600)
          .describe('how often branches, tags and other sources that move are looked at, for each ImageSpec'),
      })
      .prefault({}),
    concurrency: z
      .strictObject({
        builds: z
          .int()
          .min(1)
          .max(1000)
          .default(10)
          .describe('builds that may run at a time, in the whole cluster'),
      })
      .prefault({}),
  })
  .readonly();

export type Settings = z.output<typeof settingsSchema>;

/** The settings of one registry; hosts without an entry are plain HTTPS. */
export function registryOf(settings: Pick<Settings, 'registries'>, hostName: string): RegistrySetting {
  return (
    settings.registries.find((entry) => entry.host === hostName) ?? {
      host: hostName,
      insecure: false,
      mirrors: [],
    }
  );
}
