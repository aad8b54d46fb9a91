/**
 * One ImageSpec of a file, judged without a cluster: by the schema, by what its image would be, by what its builder
 * takes.
 */
import { type Spec, specSchema } from '../api/image-spec.ts';
import { API_VERSION, KIND } from '../api/names.ts';
import { advice, nearest } from '../api/nearest.ts';
import { buildContextOf } from '../build/context.ts';
import type { Problem } from '../image/effective.ts';
import { type Inputs, selectionOf } from '../image/inputs.ts';
import { resolveFiles } from '../image/selection.ts';
import { readSpec, type Target, targetFrom } from '../image/target.ts';
import { type Settings, settingsSchema } from '../settings.ts';
import { isMap, type KubernetesObject, objectsIn, readDocuments, type Source } from './documents.ts';
import { type Finding, findingOf } from './findings.ts';
import { unknownFields } from './unknown-fields.ts';

/** The ImageSpecs of a file; objects of other kinds are passed over, but one there must be. */
export function imageSpecsOf(source: Source): { documents: KubernetesObject[]; findings: Finding[] } {
  const { documents, problems } = readDocuments(source);
  const { file } = source;
  const findings: Finding[] = problems.map((one) => ({ severity: 'error', file, field: '', ...one }));
  const ours: KubernetesObject[] = [];
  for (const document of documents.flatMap(objectsIn)) {
    const wrong = mislabelled(document.value);
    if (wrong) findings.push(findingOf(document, wrong));
    else if (isImageSpec(document.value)) ours.push(document);
  }
  if (ours.length === 0 && findings.length === 0) {
    const bare = documents.some(({ value }) => isMap(value) && value.kind === undefined);
    const message = `there is no ImageSpec here: apiVersion: ${API_VERSION}, kind: ${KIND}${bare ? BARE : ''}`;
    findings.push({ severity: 'error', file, line: 1, field: '', message });
  }
  return { documents: ours, findings };
}

const isImageSpec = (value: unknown) =>
  isMap(value) && value.kind === KIND && value.apiVersion === API_VERSION;

const BARE = ', metadata and spec (imagespec convert makes one of YAML that flytekit reads)';

/** What was meant as an ImageSpec, and what keeps it from being one; those of other groups are none of ours. */
function mislabelled(value: unknown): Problem | undefined {
  if (!isMap(value) || typeof value.kind !== 'string' || value.kind.toLowerCase() !== KIND.toLowerCase())
    return undefined;
  const { apiVersion, kind } = value;
  const [group, ownGroup] = [apiVersion, API_VERSION].map((text) => String(text ?? '').split('/')[0]);
  if (apiVersion !== undefined && group !== ownGroup) return undefined;
  if (apiVersion !== API_VERSION) return { field: 'apiVersion', message: `write apiVersion: ${API_VERSION}` };
  return kind === KIND ? undefined : { field: 'kind', message: `write kind: ${KIND}` };
}

export interface Judged {
  readonly name: string;
  readonly findings: readonly Finding[];
  /** Absent where something is wrong, or where only the cluster knows what the image is. */
  readonly target?: Target;
  readonly inputs: Inputs;
  /** What keeps the image from being known here. */
  readonly moving: readonly Problem[];
}

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** @param settings those of the operator, if they are known */
export function judge(document: KubernetesObject, settings?: Settings): Judged {
  const { metadata, spec, ...beside } = document.value as { metadata?: unknown; spec?: unknown };
  const name = isMap(metadata) && typeof metadata.name === 'string' ? metadata.name : '';
  const misnamed = nameProblems(name);
  const findings = [...misnamed, ...besideSpec(beside), ...unknownFields(spec)].map((problem) =>
    findingOf(document, problem),
  );
  const done = (problems: readonly Problem[], more: Partial<Judged> = {}): Judged => ({
    name,
    findings: [...findings, ...problems.map((problem) => findingOf(document, problem))],
    inputs: {},
    moving: [],
    ...more,
  });

  if (spec === undefined) return done([{ field: 'spec', message: 'write spec: what the image contains' }]);
  const read = readSpec({ spec });
  if (!read.ok) return done(read.problems);
  const twice = twiceIn(read.spec);
  if (twice.length > 0) return done(twice);
  const moving = movingInputs(read.spec);
  const files = filesOf(read.spec);
  if (!files.ok) return done(files.problems, { moving });
  const known = settings ?? assumed(read.spec);
  if (!settings) findings.push(...assumptions(read.spec).map((one) => findingOf(document, one, 'warning')));
  const target = targetFrom(name, read.spec, known, files.inputs);
  if (!target.ok) {
    // A wrong metadata.name, which stands for spec.name, was told by its own name.
    const told = misnamed.length > 0 && read.spec.name === undefined;
    return done(
      target.problems.filter(({ field }) => !told || field !== 'spec.name'),
      { moving },
    );
  }
  if (moving.length > 0) return done([], { moving });
  const problems = builderProblems(target.target, known, files.inputs);
  if (settings && problems.length > 0) return done(problems);
  // Without settings the builder is a guess; what only it minds may be right with another.
  if (isBuiltIn(read.spec.builder)) {
    findings.push(...problems.map((problem) => findingOf(document, problem, 'warning')));
  }
  return done([], { target: target.target, inputs: files.inputs });
}

function nameProblems(name: string): Problem[] {
  if (NAME.test(name) && name.length <= 63) return [];
  const message =
    name === ''
      ? 'name the ImageSpec, in lower-case letters, digits, - and .'
      : `${name}: choose a name of at most 63 lower-case letters, digits, - and .`;
  return [{ field: 'metadata.name', message }];
}

/** Fields beside `spec`; most of them are to be in it. */
function besideSpec(beside: Readonly<Record<string, unknown>>): Problem[] {
  return Object.keys(beside)
    .filter((name) => !['apiVersion', 'kind', 'status'].includes(name))
    .map((name) => {
      const message = Object.hasOwn(specSchema.shape, name)
        ? 'this is a field of spec: indent it below spec'
        : `there is no such field; ${advice(name, ['apiVersion', 'kind', 'metadata', 'spec'])}`;
      return { field: name, message };
    });
}

/** What only the API server minds: lists that are sets there. */
function twiceIn(spec: Spec): Problem[] {
  return (['aptPackages', 'condaPackages', 'platforms'] as const).flatMap((field) => {
    const list = spec[field] ?? [];
    const at = list.findIndex((item, index) => list.indexOf(item) < index);
    return at < 0
      ? []
      : [{ field: `spec.${field}[${at}]`, message: `${list[at]} is named twice; once is enough` }];
  });
}

/** Inputs that only the cluster can tell, each by its name, with what to do. */
function movingInputs({ baseImageSpecRef, source }: Spec): Problem[] {
  const inCluster = 'status.image of the ImageSpec in the cluster says what it is';
  const problems: Problem[] = [];
  if (baseImageSpecRef) {
    problems.push({
      field: 'spec.baseImageSpecRef',
      message: `the digest of ImageSpec ${baseImageSpecRef.name} is part of the content; name its image in baseImage instead, or ${inCluster}`,
    });
  }
  const elsewhere = {
    configMapRef: source?.configMapRef && `ConfigMap ${source.configMapRef.name}`,
    git: source?.git && `the git repository ${source.git.url}`,
    oci: source?.oci && `the artifact ${source.oci.image}`,
  };
  for (const [kind, what] of Object.entries(elsewhere)) {
    if (what === undefined) continue;
    problems.push({
      field: `spec.source.${kind}`,
      message: `what is in ${what} is part of the content; write the files into source.files instead, or ${inCluster}`,
    });
  }
  return problems;
}

type Files = { ok: true; inputs: Inputs } | { ok: false; problems: readonly Problem[] };

function filesOf(spec: Spec): Files {
  const selection = selectionOf(spec);
  if (!spec.source?.files || !selection) return { ok: true, inputs: {} };
  const resolved = resolveFiles(spec.source.files, selection);
  return resolved.ok ? { ok: true, inputs: { source: resolved.source } } : resolved;
}

const builtIn = () => settingsSchema.parse({}).builders.map(({ name }) => name);
const isBuiltIn = (builder: string | undefined) => builder === undefined || builtIn().includes(builder);

/** Where nobody said what the settings are: the defaults, with a registry and a builder for whoever wants one. */
function assumed({ builder }: Spec): Settings {
  const defaults = settingsSchema.parse({ defaults: { registry: 'registry.invalid' } });
  if (builder === undefined || isBuiltIn(builder)) return defaults;
  return {
    ...defaults,
    builders: [...defaults.builders, { name: builder, engine: 'BuildKit', priority: 0 }],
  };
}

/** What of it must be so in the operator's settings. */
function assumptions({ registry, builder }: Spec): Problem[] {
  const problems: Problem[] = [];
  if (registry === undefined && builder !== 'noop') {
    const message =
      'none is named, so the settings of the operator must name one; say which they are by --settings FILE';
    problems.push({ field: 'spec.registry', message });
  }
  if (builder !== undefined && !isBuiltIn(builder)) {
    const near = nearest(builder, builtIn());
    const meant = near.length === 0 ? '' : ` (did you mean ${near.join(' or ')}?)`;
    const message = `the settings of the operator must have a builder ${builder}${meant}; say which they are by --settings FILE`;
    problems.push({ field: 'spec.builder', message });
  }
  return problems;
}

function builderProblems(target: Target, settings: Settings, inputs: Inputs): Problem[] {
  if (target.builder.engine === 'Noop') return [];
  const made = buildContextOf(target, settings, inputs);
  return made.ok ? [] : made.problems;
}
