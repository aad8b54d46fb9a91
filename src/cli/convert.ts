/**
 * `imagespec convert`: the YAML that flytekit reads an `ImageSpec` from, as ImageSpecs of ours.
 *
 * What is only near is a warning; under profile Flytekit, where the tag must be flytekit's own, it is refused. What
 * cannot carry over is refused, and then nothing is written.
 */
import { API_VERSION, KIND } from '../api/names.ts';
import { advice } from '../api/nearest.ts';
import { flytekitTagOf } from '../image/flytekit/identity.ts';
import { parametersOf } from '../image/flytekit/parameters.ts';
import { type Inputs, selectionOf } from '../image/inputs.ts';
import { resolveFiles } from '../image/selection.ts';
import { readSpec } from '../image/target.ts';
import { CARRY, ELSEWHERE, LOADED_MODULES } from './convert/fields.ts';
import { inlineFiles } from './convert/files.ts';
import { type Origin, Parameter } from './convert/parameter.ts';
import { flytekitName } from './convert/tag.ts';
import { isMap, readDocuments, type Source } from './documents.ts';
import { type Finding, failed, inOrder, pathOf } from './findings.ts';
import { validate } from './validate.ts';
import { yamlText } from './yaml-text.ts';

export interface ConvertOptions {
  readonly profile: 'Generic' | 'Flytekit';
  /** Folder that paths in the file are relative to. */
  readonly root: string;
  /** metadata.name; default: the name in the file, else that of the file. */
  readonly name?: string | undefined;
}

export interface Converted {
  readonly findings: readonly Finding[];
  /** YAML of one or more ImageSpecs; '' where something is refused. */
  readonly text: string;
}

/** One ImageSpec that was made, with what it was made of. */
interface Made {
  readonly origin: Origin;
  readonly name: string;
  readonly spec: Record<string, unknown>;
  /** By field of the spec, the parameter that it comes from. */
  readonly keys: ReadonlyMap<string, string>;
  /** Name of the image by flytekit; under profile Flytekit only. */
  readonly flytekitName?: string | undefined;
}

export function convert(source: Source, options: ConvertOptions): Converted {
  const { documents, problems } = readDocuments(source);
  const { file } = source;
  const findings: Finding[] = problems.map((one) => ({ severity: 'error', file, field: '', ...one }));
  const refuse = (message: string) => findings.push({ severity: 'error', file, line: 1, field: '', message });
  const [document] = documents;
  if (document && documents.length > 1) refuse('flytekit reads one document a file: split it');
  if (!document && problems.length === 0)
    refuse('the file is empty: write the parameters of a flytekit ImageSpec');
  if (!document || failed(findings)) return { findings, text: '' };
  if (!isMap(document.value))
    refuse(`write a mapping of the parameters of a flytekit ImageSpec${file.endsWith('.py') ? PYTHON : ''}`);
  if (isMap(document.value) && document.value.kind === KIND) refuse('this is an ImageSpec already');
  if (!isMap(document.value) || failed(findings)) return { findings, text: '' };

  const own = options.name ?? document.value.name;
  const name = objectName(typeof own === 'string' ? own : (file.split('/').at(-1) ?? ''));
  const origin: Origin = { document, path: [], exact: options.profile === 'Flytekit', findings };
  const made: Made[] = [];
  carry(document.value, origin, name, options, made);
  if (options.profile === 'Generic') {
    const message = 'Flyte needs flytekit in the image and its user: --profile Flytekit makes such images';
    findings.push({ severity: 'warning', file, line: 1, field: '', message });
  }
  if (failed(findings)) return { findings: inOrder(findings), text: '' };
  const texts = made.map(({ name: called, spec }) =>
    yamlText({ apiVersion: API_VERSION, kind: KIND, metadata: { name: called }, spec }),
  );
  findings.push(...made.flatMap((one, index) => judged(one, { file, text: texts[index] as string })));
  return { findings: inOrder(findings), text: failed(findings) ? '' : texts.join('---\n') };
}

const PYTHON = ', in YAML; docs/flytekit.md has the lines that write it from Python';

/** Carries one mapping over, the one within it before it. */
function carry(
  value: Readonly<Record<string, unknown>>,
  origin: Origin,
  name: string,
  options: ConvertOptions,
  made: Made[],
  taken: readonly string[] = [],
): Made {
  const spec: Record<string, unknown> = options.profile === 'Flytekit' ? { profile: 'Flytekit' } : {};
  const keys = new Map<string, string>();
  const names = [...taken, name];
  let base: Made | undefined;
  for (const [key, one] of Object.entries(value)) {
    const parameter = new Parameter(origin, key, one);
    // Python's None, which is as good as absent.
    if (one === null) continue;
    let fields: Record<string, unknown> | undefined;
    if (key === 'base_image' && isMap(one)) {
      const nested: Origin = { ...origin, path: [...origin.path, key] };
      const called = typeof one.name === 'string' ? objectName(one.name) : `${name}-base`;
      base = carry(one, nested, freeName(called, names), options, made, names);
      fields = { baseImageSpecRef: { name: base.name } };
    } else if (key === 'base_image') {
      const image = parameter.string();
      fields = image === undefined ? undefined : { baseImage: image };
    } else if (CARRY.has(key)) fields = CARRY.get(key)?.(parameter);
    else parameter.refuse(ELSEWHERE.get(key) ?? unknown(key));
    for (const field of Object.keys(fields ?? {})) keys.set(field, key);
    Object.assign(spec, fields);
  }
  finish(value, spec, origin, options);
  const one: Made = { origin, name, spec, keys, flytekitName: exactName(spec, origin, base) };
  made.push(one);
  return one;
}

const unknown = (key: string) => `flytekit has no such parameter; ${advice(key, [...CARRY.keys()])}`;

/** What spans parameters: the files they name, and the Python nobody named. */
function finish(
  value: Readonly<Record<string, unknown>>,
  spec: Record<string, unknown>,
  origin: Origin,
  options: ConvertOptions,
): void {
  const about = (key: string) => new Parameter(origin, key, undefined);
  if (spec.sourceRoot !== undefined && spec.sourceCopyMode === undefined)
    about('source_root').refuse(LOADED_MODULES);
  // Nothing of it is copied; but flytekit's tag counts it all the same.
  if (spec.sourceCopyMode === 'NoCopy' && !origin.exact) delete spec.sourceRoot;
  if (spec.name === undefined && options.profile === 'Generic' && value.name === undefined) {
    about('name').warn('flytekit calls the image flytekit; here it has the name of the ImageSpec');
  }
  if (spec.pythonVersion === undefined && spec.baseImage === undefined && !spec.baseImageSpecRef) {
    about('python_version').warn('flytekit takes the Python of whoever builds; name one');
  }
  const copyAll = spec.sourceRoot !== undefined || spec.sourceCopyMode === 'All';
  const copy = (spec.copy ?? []) as string[];
  if ((!copyAll && copy.length === 0 && spec.requirements === undefined) || failed(origin.findings)) return;
  const selection = {
    copy,
    copyAll,
    requirements: spec.requirements as string | undefined,
    sourceRoot: spec.sourceRoot as string | undefined,
    ...(origin.exact ? { flytekit: true as const } : {}),
  };
  const read = inlineFiles(options.root, selection);
  if (!read.ok) {
    for (const { field, message } of read.problems) about(keyOf(field, spec)).refuse(message);
    return;
  }
  for (const { message } of read.warnings) about(keyOf('spec.source', spec)).warn(message);
  spec.source = { files: read.files };
}

/** The parameter that a problem with files is about. */
function keyOf(field: string, spec: Readonly<Record<string, unknown>>): string {
  if (field.startsWith('spec.requirements')) return 'requirements';
  if (field.startsWith('spec.copy')) return 'copy';
  if (spec.sourceRoot !== undefined) return 'source_root';
  if (spec.sourceCopyMode === 'All') return 'source_copy_mode';
  return spec.copy === undefined ? 'requirements' : 'copy';
}

/** Under profile Flytekit, flytekit's name for the image; it is refused if ours would be another. */
function exactName(
  spec: Readonly<Record<string, unknown>>,
  origin: Origin,
  base: Made | undefined,
): string | undefined {
  if (!origin.exact || failed(origin.findings)) return undefined;
  const read = readSpec({ spec });
  // What is wrong with it is said once it is judged as a whole.
  if (!read.ok) return undefined;
  const selection = selectionOf(read.spec);
  const files = read.spec.source?.files;
  const resolved = files && selection ? resolveFiles(files, selection) : undefined;
  const source = resolved?.ok ? resolved.source : undefined;
  const { source_copy_mode: mode } = parametersOf(read.spec);
  const { document, path } = origin;
  const name = flytekitName(document, path, source?.flytekit, base?.flytekitName, mode);
  const inputs: Inputs = {
    ...(source ? { source } : {}),
    ...(base?.flytekitName ? { base: baseOf(base, base.flytekitName) } : {}),
  };
  const own = flytekitTagOf(read.spec, inputs);
  const theirs = name.slice(name.lastIndexOf(':') + 1);
  if (own !== theirs) {
    const message = `flytekit's tag is ${theirs}, and that of the ImageSpec would be ${own}: something of it does not survive the Kubernetes API (the order of keys in builder_options, numbers such as 1.0)`;
    const line = document.lineOf(path);
    origin.findings.push({ severity: 'error', file: document.file, line, field: '', message });
  }
  return name;
}

function baseOf({ spec }: Made, name: string): NonNullable<Inputs['base']> {
  const read = readSpec({ spec });
  return { name, image: name, digest: '', ...(read.ok ? { spec: read.spec } : {}) };
}

/** What `validate` says of the result, at the lines of what it was made of. */
function judged({ origin, keys }: Made, text: Source): Finding[] {
  return validate(text).findings.map((finding) => {
    const [, field, ...rest] = pathOf(finding.field);
    const key = keys.get(String(field));
    if (key === undefined) return { ...finding, line: origin.document.lineOf(origin.path) };
    const path = [...origin.path, key, ...rest];
    return { ...finding, field: `${key} (${finding.field})`, line: origin.document.lineOf(path) };
  });
}

/** A name that none of those above has. */
function freeName(name: string, taken: readonly string[]): string {
  let free = name;
  for (let count = 2; taken.includes(free); count += 1) free = `${name.slice(0, 58)}-${count}`;
  return free;
}

/** A legal name for a Kubernetes object, as near as can be. */
function objectName(text: string): string {
  const plain = text
    .replace(/\.ya?ml$/i, '')
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '')
    .slice(0, 63)
    .replace(/[-.]+$/, '');
  return plain === '' ? 'image' : plain;
}
