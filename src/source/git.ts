/**
 * A git repository as a source, over http(s) or ssh: one commit, without its history where the server can.
 *
 * A ref is looked up first, a branch before a tag of the same name; what is fetched then is the commit itself, so that
 * nothing can move in between.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LIMITS } from '../image/tree.ts';
import type { Access, SourceRequest } from './fetch.ts';
import { type Fetched, SourceFailure } from './fetched.ts';
import { type Bounds, type GitOptions, type GitResult, git } from './git-command.ts';
import { treeOfCommit } from './git-objects.ts';
import { type GitLogin, gitLogin } from './git-secret.ts';
import { wordsOf } from './git-words.ts';

const ASK: Bounds = { timeoutMs: 60_000, mostOutput: 16 * 1024 * 1024 };
const FETCH: Bounds = { timeoutMs: 300_000, mostOutput: 1024 * 1024, mostDisk: LIMITS.bytes };
const FIELD = 'spec.source.git';

/** @throws SourceFailure when the repository, the ref or the commit cannot be had */
export async function fetchGit(request: NonNullable<SourceRequest['git']>, access: Access): Promise<Fetched> {
  // The engine and what runs in it see the same memory later.
  const auth = join(access.auth, 'git');
  mkdirSync(auth, { recursive: true, mode: 0o700 });
  try {
    return await fetchWith(gitLogin(request.url, access.gitSecret, auth), request, access);
  } finally {
    rmSync(auth, { recursive: true });
  }
}

async function fetchWith(
  login: GitLogin,
  { url, commit: known, ref }: NonNullable<SourceRequest['git']>,
  { folder, caFile, proxy }: Access,
): Promise<Fetched> {
  const options: GitOptions = { repository: join(folder, 'repository'), caFile, proxy, ...login };
  mkdirSync(options.repository, { recursive: true });
  const failed = failing(login.secrets);
  const commit = known ?? (await commitOf(options, url, ref, failed));
  const format = `--object-format=${commit.length === 64 ? 'sha256' : 'sha1'}`;
  await succeed(git(options, ['init', '--quiet', '--bare', format], ASK), failed);
  await fetchCommit(options, url, commit, failed);
  return { revision: commit, tree: await treeOfCommit(options, commit, join(folder, 'blobs')) };
}

type Failing = (result: GitResult) => SourceFailure;

/** What a ref stands for, or the default branch. */
async function commitOf(
  options: GitOptions,
  url: string,
  ref: string | undefined,
  failed: Failing,
): Promise<string> {
  const names = namesOf(ref);
  // A tag that is an object of its own is listed once more, as what it points to.
  const asked = names.flatMap((name) => [name, `${name}^{}`]);
  const { stdout } = await succeed(git(options, ['ls-remote', '--', url, ...asked], ASK), failed);
  const found = new Map(
    stdout
      .toString()
      .split('\n')
      .map((line) => line.split('\t'))
      .map(([hash = '', name = '']) => [name, hash]),
  );
  const commit = names
    .map((name) => found.get(`${name}^{}`) ?? found.get(name))
    .find((hash) => hash !== undefined);
  if (commit !== undefined && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) return commit;
  throw ref === undefined
    ? new SourceFailure('absent', { field: FIELD, message: 'no default branch; name one in ref' })
    : new SourceFailure('absent', { field: `${FIELD}.ref`, message: `no branch or tag ${ref}${hint(ref)}` });
}

const hint = (ref: string) =>
  /^[0-9a-f]{7,64}$/.test(ref) ? '; a commit goes into spec.source.git.commit instead, by its full hash' : '';

function namesOf(ref: string | undefined): string[] {
  if (ref === undefined) return ['HEAD'];
  return ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
}

/** The commit alone; where the server gives no single commits, all that it has. */
async function fetchCommit(options: GitOptions, url: string, commit: string, failed: Failing): Promise<void> {
  const fetch = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head'];
  const alone = await git(options, [...fetch, '--depth=1', '--', url, commit], FETCH);
  if (alone.code === 0) return;
  if (!REFUSES_ONE.test(alone.stderr)) throw failed(alone);
  const refs = ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'];
  await succeed(git(options, [...fetch, '--', url, ...refs], FETCH), failed);
  const there = await git(options, ['cat-file', '-e', `${commit}^{commit}`], ASK);
  if (there.code === 0) return;
  throw new SourceFailure('absent', { field: `${FIELD}.commit`, message: `no commit ${commit}` });
}

/** The server does not know the commit or does not give it by its hash, or is one of plain files. */
const REFUSES_ONE =
  /not our ref|unadvertised object|no such remote ref|find remote ref|does not support shallow/i;

async function succeed(running: Promise<GitResult>, failed: Failing): Promise<GitResult> {
  const result = await running;
  if (result.code !== 0) throw failed(result);
  return result;
}

const failing =
  (secrets: readonly string[]): Failing =>
  ({ stderr, stopped }) => {
    if (stopped === 'time')
      return new SourceFailure('unavailable', { field: `${FIELD}.url`, message: 'no answer in time' });
    if (stopped !== undefined) {
      const message = `larger than the ${LIMITS.bytes / 1024 ** 3} GiB that are fetched`;
      return new SourceFailure('invalid', { field: `${FIELD}.url`, message });
    }
    const { kind, message } = wordsOf(stderr, secrets);
    return new SourceFailure(kind, { field: `${FIELD}.${kind === 'denied' ? 'secretRef' : 'url'}`, message });
  };
