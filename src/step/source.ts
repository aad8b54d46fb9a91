/**
 * The files of a source inside pods: looked at for their digest, and laid out for the engine.
 *
 * What is written is the same for the same content: modes are 0644 or 0755, all times are one, so that caches of
 * engines find again what they know.
 */
import {
  chmodSync,
  closeSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { BuildContext, Reach } from '../build/context.ts';
import { PATHS } from '../build/engine.ts';
import type { Problem } from '../image/effective.ts';
import type { ResolvedSource, Selection } from '../image/inputs.ts';
import { FOLDERS } from '../image/recipe.ts';
import { type Selected, select } from '../image/selection.ts';
import { type FileEntry, parentOf } from '../image/tree.ts';
import type { RegistryClient } from '../registry/registry-client.ts';
import { type Access, fetchSource, type SourceRequest } from '../source/fetch.ts';
import { SourceFailure } from '../source/fetched.ts';
import { StepError } from './failure.ts';
import { FOLDER, writeCertificates } from './pod.ts';

/** What of its source a spec uses. */
type Wanted = SourceRequest & { readonly selection: Selection };
type Outside = Pick<Reach, 'caBundle' | 'proxy'>;
/** Where in the pod everything is. */
export type Places = Readonly<
  Record<'ca' | 'auth' | 'context' | 'configMap' | 'gitSecret' | 'fetched', string>
>;

/** What a look at a source comes to. */
export type SourceLook =
  | { readonly kind: 'found'; readonly source: ResolvedSource }
  /** It was read, and does not hold what the spec wants of it, or is nothing that can be used. */
  | { readonly kind: 'problems'; readonly problems: readonly Problem[] }
  /** It could not be read: not now, not there, or not with these Secrets. */
  | { readonly kind: 'unavailable' | 'absent' | 'denied'; readonly problem: Problem };

/**
 * Fetches a source and says what is used of it.
 *
 * @param registry with the tenant's credentials
 */
export async function lookAtSource(
  wanted: Wanted,
  registry: RegistryClient,
  outside: Outside,
  places: Places = PATHS,
): Promise<SourceLook> {
  writeCertificates(outside.caBundle, places.ca);
  try {
    const { revision, tree } = await fetchSource(wanted, accessOf(registry, outside, places));
    const selecting = select(tree, wanted.selection);
    if (!selecting.ok) return { kind: 'problems', problems: selecting.problems };
    const { source } = selecting.selected;
    return { kind: 'found', source: revision === undefined ? source : { ...source, revision } };
  } catch (error) {
    if (!(error instanceof SourceFailure)) throw error;
    if (error.kind === 'invalid') return { kind: 'problems', problems: [error.problem] };
    return { kind: error.kind, problem: error.problem };
  } finally {
    rmSync(places.fetched, { recursive: true, force: true });
  }
}

/**
 * Fetches the source of a build and writes what is used of it into the context folder.
 *
 * @throws StepError when it cannot be had, or is no longer what the image's hash counted
 */
export async function writeSource(
  source: NonNullable<BuildContext['source']>,
  registry: RegistryClient,
  outside: Outside,
  places: Places = PATHS,
): Promise<void> {
  const { tree } = await fetchSource(source, accessOf(registry, outside, places)).catch((error: unknown) => {
    if (error instanceof SourceFailure) throw new StepError('SourceUnavailable', error.message);
    throw error;
  });
  const selecting = select(tree, source.selection);
  if (!selecting.ok || selecting.selected.source.digest !== source.digest) {
    const first = selecting.ok ? undefined : selecting.problems[0];
    throw new StepError(
      'SourceUnavailable',
      `the source changed after it was looked at${first ? ` (${first.field}: ${first.message})` : ''}`,
    );
  }
  layOut(selecting.selected, places.context);
  rmSync(places.fetched, { recursive: true, force: true });
  console.log(`source ${source.digest}: ${selecting.selected.copies.length} files to copy`);
}

/** Writes the chosen files below `folder`, each part into a folder of its own. */
export function layOut({ copies, requirements }: Selected, folder: string): void {
  const folders = new Set<string>();
  const place = (part: string, path: string): string => {
    const file = join(folder, part, path);
    mkdirSync(dirname(file), { recursive: true, mode: FOLDER });
    for (let at = path; at !== ''; at = parentOf(at)) folders.add(join(folder, part, parentOf(at)));
    return file;
  };
  for (const { destination, entry } of copies) {
    const file = place(FOLDERS.source, destination);
    if (entry.kind === 'file') writeFile(file, entry);
    else {
      symlinkSync(entry.target, file);
      lutimesSync(file, TIME, TIME);
    }
  }
  for (const [path, file] of requirements) writeFile(place(FOLDERS.requirements, path), file);
  for (const one of folders) {
    chmodSync(one, 0o755);
    utimesSync(one, TIME, TIME);
  }
}

/** Any moment does; not the first of 1970, which some archives cannot hold. */
const TIME = new Date('2000-01-01T00:00:00Z');

function writeFile(file: string, entry: FileEntry): void {
  const descriptor = openSync(file, 'wx');
  try {
    for (const piece of entry.content()) writeFileSync(descriptor, piece);
  } finally {
    closeSync(descriptor);
  }
  chmodSync(file, entry.executable ? 0o755 : 0o644);
  utimesSync(file, TIME, TIME);
}

function accessOf(registry: RegistryClient, { proxy }: Outside, places: Places): Access {
  const { ca, auth, configMap, gitSecret, fetched } = places;
  mkdirSync(fetched, { recursive: true, mode: FOLDER });
  return { registry, caFile: ca, proxy, configMap, gitSecret, auth, folder: fetched };
}
