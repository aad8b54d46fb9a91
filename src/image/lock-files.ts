/**
 * Lock files and pyproject.toml, as far as a build without the project's code depends on them.
 *
 * Formats: docs.astral.sh/uv/concepts/projects/layout (uv.lock), python-poetry.org/docs/basic-usage (poetry.lock),
 * packaging.python.org/specifications/pylock-toml and /pyproject-toml.
 */
import { parse } from 'smol-toml';
import { z } from 'zod';
import type { RequirementsKind } from './inputs.ts';
import { localPackage, pep503 } from './requirement.ts';
import { spoken } from './tree.ts';

export interface CheckedLock {
  /** Names of all packages in it. */
  readonly names: readonly string[];
  /** What keeps it from being installed, with what to write instead. */
  readonly messages: readonly string[];
}

/** In one line: the time a dotted key takes grows with the square of its length. */
const MOST_DOTS = 5000;
/** Most packages named in one message. */
const MOST_NAMED = 5;

/** Reads the text of one of them. */
export function checkLock(text: string, kind: Exclude<RequirementsKind, 'requirements.txt'>): CheckedLock {
  if (text.split('\n').some((line) => line.split('.').length > MOST_DOTS))
    return { names: [], messages: [`not TOML that can be read (a line with more than ${MOST_DOTS} dots)`] };
  let document: unknown;
  try {
    document = parse(text, { integersAsBigInt: 'asNeeded' });
  } catch (error) {
    const words = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return { names: [], messages: [`not TOML that can be read (${spoken(words ?? '')})`] };
  }
  return CHECKS[kind](document);
}

const CHECKS = {
  'uv.lock': uvLock,
  'poetry.lock': poetryLock,
  'pylock.toml': pylock,
  'pyproject.toml': pyproject,
};

const named = z.looseObject({ name: z.string() });

/** A package's source is a table whose one key says its kind; `.` is the project itself, which is not installed. */
const uvSchema = z.object({
  version: z.union([z.number(), z.bigint()]),
  package: z.array(named.extend({ source: z.record(z.string(), z.unknown()).optional() })).default([]),
});

function uvLock(document: unknown): CheckedLock {
  const read = uvSchema.safeParse(document);
  if (!read.success) return unreadable('uv lock');
  const packages = read.data.package;
  const isLocal = ({ source = {} }: (typeof packages)[number]) =>
    Object.entries(source).some(([key, value]) =>
      key === 'registry' ? !isUrl(value) : LOCAL_SOURCES.has(key) && value !== '.',
    );
  return { names: namesOf(packages), messages: local(packages.filter(isLocal), 'uv lock') };
}

const LOCAL_SOURCES = new Set(['editable', 'virtual', 'directory', 'path']);

const poetrySchema = z.object({
  metadata: z.looseObject({}),
  package: z.array(named.extend({ source: z.looseObject({ type: z.string() }).optional() })).default([]),
});

function poetryLock(document: unknown): CheckedLock {
  const read = poetrySchema.safeParse(document);
  if (!read.success) return unreadable('poetry lock');
  const packages = read.data.package;
  const isLocal = ({ source }: (typeof packages)[number]) =>
    source?.type === 'directory' || source?.type === 'file';
  return { names: namesOf(packages), messages: local(packages.filter(isLocal), 'poetry lock') };
}

/** Leaves the project out, which is a package in a folder itself. */
const EXPORT = 'uv export --no-emit-project --format pylock.toml -o pylock.toml';

const artifact = z.looseObject({ url: z.string().optional(), path: z.string().optional() });
const pylockSchema = z.object({
  'lock-version': z.string(),
  packages: z
    .array(
      named.extend({
        directory: z.unknown().optional(),
        vcs: artifact.optional(),
        archive: artifact.optional(),
        sdist: artifact.optional(),
        wheels: z.array(artifact).optional(),
      }),
    )
    .default([]),
});

function pylock(document: unknown): CheckedLock {
  const read = pylockSchema.safeParse(document);
  if (!read.success) return unreadable(EXPORT);
  const isLocal = ({ directory, vcs, archive, sdist, wheels }: (typeof read.data.packages)[number]) => {
    const artifacts = [vcs, archive, sdist, ...(wheels ?? [])].filter((one) => one !== undefined);
    return directory !== undefined || artifacts.some(({ url }) => !isUrl(url));
  };
  const { packages } = read.data;
  return { names: namesOf(packages), messages: local(packages.filter(isLocal), EXPORT) };
}

const pyprojectSchema = z.object({
  project: z
    .looseObject({
      dependencies: z.array(z.string()).optional(),
      dynamic: z.array(z.string()).optional(),
    })
    .optional(),
  tool: z
    .looseObject({
      uv: z.looseObject({ sources: z.record(z.string(), z.unknown()).optional() }).optional(),
    })
    .optional(),
});

function pyproject(document: unknown): CheckedLock {
  const read = pyprojectSchema.safeParse(document);
  if (!read.success)
    return { names: [], messages: ['its [project] table is not one of packaging.python.org'] };
  const { project, tool } = read.data;
  if (project === undefined)
    return { names: [], messages: ['it has no [project] table; name the lock file beside it instead'] };
  if (project.dynamic?.includes('dependencies')) {
    const message =
      'its dependencies are dynamic, so only its code knows them; write them into project.dependencies, or name a requirements*.txt';
    return { names: [], messages: [message] };
  }
  const dependencies = project.dependencies ?? [];
  const names = dependencies.map(nameOf);
  const sources = new Map(
    Object.entries(tool?.uv?.sources ?? {}).map(([name, value]) => [pep503(name), value]),
  );
  const isLocal = (dependency: string) =>
    localPackage(dependency) || isLocalSource(sources.get(nameOf(dependency)));
  const found = dependencies.filter(isLocal).map((dependency) => ({ name: dependency }));
  return { names, messages: local(found, undefined) };
}

/** An entry of tool.uv.sources, or a list of them by marker. */
function isLocalSource(value: unknown): boolean {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.some((one) => typeof one === 'object' && one !== null && ('path' in one || 'workspace' in one));
}

const nameOf = (dependency: string) => pep503(/^[A-Za-z0-9._-]*/.exec(dependency.trim())?.[0] ?? '');
const namesOf = (list: readonly { name: string }[]) => list.map(({ name }) => pep503(name));
const isUrl = (value: unknown) =>
  typeof value === 'string' && /^(?:[a-z]+\+)?(?:https?|ssh):\/\//.test(value);

function unreadable(command: string): CheckedLock {
  return { names: [], messages: [`not a lock file that can be read; make it anew with ${command}`] };
}

/** Packages that lie in a folder of the source, which is not there when packages are installed. */
function local(packages: readonly { name: string }[], lock: string | undefined): string[] {
  if (packages.length === 0) return [];
  const shown = packages.slice(0, MOST_NAMED).map(({ name }) => spoken(name));
  const rest = packages.length - shown.length;
  const list = shown.join(', ') + (rest > 0 ? ` and ${rest} more` : '');
  const again = lock === undefined ? '' : `, then lock anew with ${lock}`;
  return [
    `${list}: a package in a folder, and there are none yet when packages are installed; take it from an index or git${again}`,
  ];
}
