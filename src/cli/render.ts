/** `imagespec render`: what the operator makes of an ImageSpec, without a cluster. */
import { ENGINES, type EngineName } from '../build/engines.ts';
import { hashedOf } from '../image/effective.ts';
import { podEnvOf } from '../image/flytekit/pod-env.ts';
import { canonicalJson } from '../image/hash.ts';
import { type Dialect, recipeOf } from '../image/recipe.ts';
import { printReference } from '../image/reference.ts';
import { partsOf, type Target } from '../image/target.ts';
import type { Settings } from '../settings.ts';
import type { Source } from './documents.ts';
import { type Finding, failed, findingOf, inOrder } from './findings.ts';
import { imageSpecsOf, judge } from './judge.ts';

/** One image, as `-o json` shows it. */
export interface Rendered {
  readonly name: string;
  /** host/repository:tag */
  readonly image: string;
  readonly tag: string;
  readonly specHash: string;
  /** The text that specHash is the sha256 of: canonical JSON. */
  readonly inputs: string;
  readonly builder: string;
  /** What the pod of a Flyte task is to have in its environment, for spec.runtimePackages; nothing of it is in the image. */
  readonly podEnv?: Readonly<Record<string, string>>;
  /** With a builder that builds nothing there is none of what follows. */
  readonly dialect?: Dialect;
  readonly dockerfile?: string;
  /** The build context: path to content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Build arguments: values that never stand in the Dockerfile. */
  readonly args?: Readonly<Record<string, string>>;
  /** In the dialect Plain, where they do not stand in the Dockerfile either. */
  readonly labels?: Readonly<Record<string, string>>;
  /** With several platforms, the image of each; the one above is their index. */
  readonly platforms?: readonly Rendered[];
}

export interface Rendering {
  readonly findings: readonly Finding[];
  readonly rendered: readonly Rendered[];
}

/** @param dialect default: that of the engine that builds it */
export function render(source: Source, settings: Settings, dialect?: Dialect): Rendering {
  const { documents, findings } = imageSpecsOf(source);
  const rendered: Rendered[] = [];
  for (const document of documents) {
    const judged = judge(document, settings);
    findings.push(...judged.findings);
    if (failed(judged.findings)) continue;
    for (const { field, message } of judged.moving) {
      findings.push(findingOf(document, { field, message: `it cannot be rendered here: ${message}` }));
    }
    if (judged.target) rendered.push(renderedOf(judged.name, judged.target, dialect));
  }
  return { findings: inOrder(findings), rendered };
}

function renderedOf(name: string, target: Target, dialect: Dialect | undefined): Rendered {
  const parts = partsOf(target);
  const podEnv = podEnvOf(target.spec);
  return {
    name,
    image: printReference(target.image),
    tag: target.image.tag ?? '',
    specHash: target.specHash,
    inputs: canonicalJson(hashedOf(target.effective)),
    builder: target.builder.name,
    ...(Object.keys(podEnv).length > 0 ? { podEnv } : {}),
    ...(parts.length > 0
      ? { platforms: parts.map((part) => renderedOf(name, part, dialect)) }
      : recipe(target, dialect)),
  };
}

function recipe(target: Target, dialect: Dialect | undefined): Partial<Rendered> {
  if (target.builder.engine === 'Noop') return {};
  const own = dialect ?? ENGINES[target.builder.engine as EngineName].dialect(target.builder);
  const secretPaths = (target.spec.pipSecretMounts ?? []).map(({ path }) => path);
  const { dockerfile, files, args, labels } = recipeOf(target, { dialect: own, secretPaths });
  return { dialect: own, dockerfile, files, args, ...(Object.keys(labels).length > 0 ? { labels } : {}) };
}

/** A rendering for people. */
export function spoken({
  name,
  image,
  specHash,
  inputs,
  builder,
  podEnv,
  platforms,
  ...recipe
}: Rendered): string {
  const head = [
    `name       ${name}`,
    `image      ${image}`,
    `tag        ${recipe.tag}`,
    `spec hash  ${specHash}, the sha256 of`,
    `inputs     ${inputs}`,
    `builder    ${builder}${recipe.dockerfile === undefined && !platforms ? ', which builds nothing' : ''}`,
  ];
  const env = Object.entries(podEnv ?? {}).map(([variable, value]) => `${variable}=${value}`);
  const pairs = (of: Readonly<Record<string, string>> = {}) =>
    Object.entries(of).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const [args, labels] = [pairs(recipe.args), pairs(recipe.labels)];
  const files = Object.entries(recipe.files ?? {});
  return [
    head.join('\n'),
    ...(env.length === 0 ? [] : [section('environment of the pod', env.join('\n'))]),
    ...(recipe.dockerfile === undefined
      ? []
      : [section(`Dockerfile (${recipe.dialect})`, recipe.dockerfile)]),
    ...(args.length === 0 ? [] : [section('build arguments', args.join('\n'))]),
    ...(labels.length === 0 ? [] : [section('labels', labels.join('\n'))]),
    ...files.map(([file, content]) => section(file, content)),
    ...(platforms ?? []).map(spoken),
  ]
    .map((part) => `${part.trimEnd()}\n`)
    .join('\n');
}

const section = (title: string, text: string) => `--- ${title}\n${text}`;

/** All that is printed. */
export function shown(rendered: readonly Rendered[], json: boolean): string {
  return rendered.map((one) => (json ? `${JSON.stringify(one, null, 2)}\n` : spoken(one))).join('\n');
}
