/** Real repositories, git's own server behind http(s), a real sshd. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { resolveFiles, select } from '../../src/image/selection.ts';
import { bytesOf } from '../../src/image/tree.ts';
import { fetchSource, type SourceRequest } from '../../src/source/fetch.ts';
import { SourceFailure } from '../../src/source/fetched.ts';
import { selfSigned } from '../support/certificate.ts';
import { type GitHttp, startGitHttp } from '../support/git-http.ts';
import { GitRepository } from '../support/git-repository.ts';
import { type GitSsh, startGitSsh } from '../support/git-ssh.ts';
import { listen } from '../support/listen.ts';
import { accessFor, type TestAccess } from '../support/source-access.ts';

const root = mkdtempSync(join(tmpdir(), 'imagespec-git-'));
const repositories = join(root, 'repositories');
const stops: (() => Promise<void>)[] = [];
const accesses: TestAccess[] = [];
let open: GitHttp;
let closed: GitHttp;

beforeAll(async () => {
  open = await serve({});
  closed = await serve({ login: 'me:pass/word@:%' });
});
afterEach(async () => {
  for (const access of accesses.splice(0)) {
    // No login outlives its use.
    expect(readdirSync(access.auth)).toEqual([]);
    await access.remove();
  }
});
afterAll(async () => {
  for (const stop of stops) await stop();
  rmSync(root, { recursive: true });
});

async function serve(options: Omit<Parameters<typeof startGitHttp>[0], 'root'>): Promise<GitHttp> {
  const server = await startGitHttp({ root: repositories, ...options });
  stops.push(server.stop);
  return server;
}

let count = 0;
const repository = (format?: 'sha1' | 'sha256') => new GitRepository(repositories, `r${++count}`, format);

function fetchGit(git: NonNullable<SourceRequest['git']>, options: Parameters<typeof accessFor>[0] = {}) {
  const access = accessFor(options);
  accesses.push(access);
  return fetchSource({ git }, access);
}

/** The kind of failure and its words. */
async function failure(...args: Parameters<typeof fetchGit>): Promise<string> {
  try {
    const { revision } = await fetchGit(...args);
    return `fetched ${revision}`;
  } catch (error) {
    if (!(error instanceof SourceFailure)) throw error;
    return `${error.kind} ${error.message}`;
  }
}

const everything = { copy: [], copyAll: true };

test('has the digest of the same files in a spec; links, modes and .git apart', async () => {
  const repo = repository();
  const files = { 'app/main.py': 'print("ü")\n', 'requirements.txt': 'requests\n', empty: '' };
  const commit = repo.commit(files);
  const { revision, tree } = await fetchGit({ url: `${open.origin}/${repo.name}.git` });
  expect(revision).toBe(commit);
  const selection = { ...everything, requirements: 'requirements.txt' };
  const selecting = select(tree, selection);
  expect(selecting.ok && { ok: true, source: selecting.selected.source }).toEqual(
    resolveFiles(files, selection),
  );
});

test('sees files, executables, links, submodules, LFS and hostile names for what they are', async () => {
  const repo = repository();
  const plain = repo.commit({
    'run.sh': { executable: '#!/bin/sh\n' },
    link: { link: 'run.sh' },
    out: { link: '../../../etc/passwd' },
    'data.bin': 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n',
    'ü b/-c.txt': 'x',
    '.gitattributes': '* text eol=crlf filter=evil\n*.sh ident export-subst\n',
    '.gitmodules': '[submodule "s"]\n\tpath = s\n\turl = ext::sh -c "touch /tmp/pwned"\n',
  });
  const blob = repo.git('rev-parse', `${plain}:run.sh`);
  // git refuses to write such names; a hostile server does not.
  const hostile = Buffer.concat([
    ...['..', '.git', 'a/../../b'].map((name) =>
      Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(blob, 'hex')]),
    ),
    Buffer.concat([Buffer.from('100644 bad\xff\0', 'latin1'), Buffer.from(blob, 'hex')]),
  ]);
  writeFileSync(join(root, 'hostile'), hostile);
  const subtree = repo.git('hash-object', '-w', '--literally', '-t', 'tree', join(root, 'hostile'));
  const top = `${repo.git('ls-tree', plain)}
160000 commit ${plain}	s
040000 tree ${subtree}	evil
`;
  const tree = repo.gitWithInput(top, 'mktree');
  repo.commitTree(tree);

  const fetched = await fetchGit({ url: `${open.origin}/${repo.name}.git` });
  const seen = Object.fromEntries(
    [...fetched.tree.entries].map(([path, entry]) => [
      path,
      entry.kind === 'file'
        ? `${entry.executable ? 'executable ' : ''}${Buffer.from(bytesOf(entry)).toString()}`
        : entry.kind === 'link'
          ? `-> ${entry.target}`
          : entry.what,
    ]),
  );
  expect(seen).toEqual({
    'run.sh': 'executable #!/bin/sh\n',
    link: '-> run.sh',
    out: '-> ../../../etc/passwd',
    'data.bin': 'kept in Git LFS, which is not fetched',
    'ü b/-c.txt': 'x',
    '.gitattributes': '* text eol=crlf filter=evil\n*.sh ident export-subst\n',
    '.gitmodules': expect.stringContaining('ext::'),
    s: 'a submodule, which is not fetched',
    'evil/..': expect.stringContaining('holds an empty part, . or ..'),
    'evil/.git': '#!/bin/sh\n',
    'evil/a/../../b': expect.stringContaining('holds an empty part, . or ..'),
    'evil/bad\ufffd': expect.stringContaining('not UTF-8'),
  });
  const selecting = select(fetched.tree, { copy: ['evil/.git', 'link', 's'], copyAll: false });
  expect(selecting.ok || selecting.problems.map(({ message }) => message)).toEqual([
    'evil/.git: .git is never copied',
    's is a submodule, which is not fetched',
    'link is a link to run.sh, which is not among the copied files; copy that too, or leave the link out',
  ]);
});

describe('what is fetched', () => {
  test('a branch goes before a tag of the same name; full names say which', async () => {
    const repo = repository();
    const first = repo.commit({ a: '1' });
    repo.git('tag', 'v1');
    const second = repo.commit({ a: '2' }, 'v1');
    const url = `${open.origin}/${repo.name}.git`;
    const revision = async (ref?: string) => (await fetchGit({ url, ref })).revision;
    expect(await revision('v1')).toBe(second);
    expect(await revision('refs/heads/v1')).toBe(second);
    expect(await revision('refs/tags/v1')).toBe(first);
    expect(await revision()).toBe(first);
  });

  test('a tag that is an object gives the commit it stands for', async () => {
    const repo = repository();
    const commit = repo.commit({ a: '1' });
    repo.git('tag', '-a', '-m', 'x', 'v2');
    expect((await fetchGit({ url: `${open.origin}/${repo.name}.git`, ref: 'v2' })).revision).toBe(commit);
  });

  test('a commit, though no branch leads to it any more', async () => {
    const repo = repository();
    const commit = repo.commit({ a: '1' });
    repo.commit({ a: '2' });
    repo.git('update-ref', 'refs/heads/main', repo.git('commit-tree', '-m', 'new', `${commit}^{tree}`));
    const { revision, tree } = await fetchGit({ url: `${open.origin}/${repo.name}.git`, commit });
    expect([revision, [...tree.entries.keys()]]).toEqual([commit, ['a']]);
  });

  test.each(['old', 'files'] as const)(
    'a commit that is not a tip, from a server of the kind %s',
    async (kind) => {
      const repo = repository();
      const commit = repo.commit({ a: '1' });
      repo.commit({ a: '2' });
      repo.git('update-server-info');
      const server = await serve({ kind });
      const url = `${server.origin}/${repo.name}.git`;
      expect((await fetchGit({ url, commit })).revision).toBe(commit);
      expect(await failure({ url, commit: 'f'.repeat(40) })).toBe(
        `absent spec.source.git.commit: no commit ${'f'.repeat(40)}`,
      );
      expect((await fetchGit({ url, ref: 'main' })).revision).not.toBe(commit);
    },
  );

  test('a repository of sha256', async () => {
    const repo = repository('sha256');
    const commit = repo.commit({ a: '1' });
    expect(commit).toHaveLength(64);
    expect((await fetchGit({ url: `${open.origin}/${repo.name}.git` })).revision).toBe(commit);
  });

  test('one commit without its history', async () => {
    const repo = repository();
    for (let n = 0; n < 5; n++) repo.commit({ a: String(n) });
    const access = accessFor();
    accesses.push(access);
    await fetchSource({ git: { url: `${open.origin}/${repo.name}.git` } }, access);
    const packs = readdirSync(join(access.folder, 'repository/objects/pack')).filter((name) =>
      name.endsWith('.idx'),
    );
    const objects = repo.gitWithInput(
      '',
      '--git-dir',
      join(access.folder, 'repository'),
      'count-objects',
      '-v',
    );
    expect([packs.length, /^in-pack: (\d+)$/m.exec(objects)?.[1]]).toEqual([1, '3']);
  });
});

describe('what cannot be had', () => {
  test('a commit that unpacks to more files than anybody has', async () => {
    const repo = repository();
    const blob = repo.gitWithInput('x', 'hash-object', '-w', '--stdin');
    let tree = repo.gitWithInput(`100644 blob ${blob}\tfile\n`, 'mktree');
    for (let level = 0; level < 10; level++) {
      const entries = Array.from({ length: 10 }, (_, n) => `040000 tree ${tree}\t${'d'.repeat(100)}${n}\n`);
      tree = repo.gitWithInput(entries.join(''), 'mktree');
    }
    repo.commitTree(tree);
    expect(await failure({ url: `${open.origin}/${repo.name}.git` })).toBe(
      'invalid spec.source.git: the commit holds more than 100000 files or 1 GiB',
    );
  });

  test('says where it is wrong', async () => {
    const repo = repository();
    repo.commit({ a: '1' });
    const url = `${open.origin}/${repo.name}.git`;
    const none = `${open.origin}/none.git`;
    const empty = repository();
    expect(await failure({ url, ref: 'gone' })).toBe('absent spec.source.git.ref: no branch or tag gone');
    const commit = repo.git('rev-parse', 'main');
    expect(await failure({ url, ref: commit })).toBe(
      `absent spec.source.git.ref: no branch or tag ${commit}; a commit goes into spec.source.git.commit instead, by its full hash`,
    );
    expect(await failure({ url, commit: `${'0'.repeat(39)}1` })).toMatch(
      /^absent spec\.source\.git\.commit: no commit 0+1$/,
    );
    expect(await failure({ url: none })).toBe(
      `absent spec.source.git.url: no such repository, or not for whoever asks`,
    );
    expect(await failure({ url: `${open.origin}/${empty.name}.git` })).toMatch(
      /^absent spec\.source\.git: no default branch; name one in ref$/,
    );
    repo.git('update-ref', 'refs/tags/blob', repo.git('rev-parse', 'main:a'));
    expect(await failure({ url, ref: 'blob' })).toBe(
      'invalid spec.source.git: what it names is no commit whose files can be read',
    );
    expect(await failure({ url: 'http://127.0.0.1:1/x.git' })).toBe(
      'unavailable spec.source.git.url: connection refused',
    );
    expect(await failure({ url: 'http://nowhere.invalid/x.git' })).toMatch(
      /^unavailable spec\.source\.git\.url: no such host name$/,
    );
  });

  test('a server that answers nonsense or an error', async () => {
    const server = await listen(
      createServer((request, response) =>
        response.writeHead(request.url?.includes('bad') ? 200 : 503).end('<html>\n</html>\n'),
      ),
    );
    stops.push(server.stop);
    expect(await failure({ url: `${server.origin}/x.git` })).toMatch(/^unavailable .* 503$/);
    expect(await failure({ url: `${server.origin}/bad.git` })).toMatch(
      /^unavailable spec\.source\.git\.url: /,
    );
  });

  test('a redirect to a protocol that reads files of the pod', async () => {
    const repo = repository();
    repo.commit({ a: '1' });
    const server = await listen(
      createServer((_, response) =>
        response.writeHead(302, { location: `file://${repo.folder}/info/refs` }).end(),
      ),
    );
    stops.push(server.stop);
    expect(await failure({ url: `${server.origin}/x.git` })).toMatch(/^unavailable /);
    expect(
      await failure(
        { url: `file://${repo.folder}` },
        { secret: { 'ssh-privatekey': 'a key', known_hosts: 'a host' } },
      ),
    ).toMatch(/^unavailable .*transport 'file' not allowed$/);
    expect(
      await failure(
        { url: `ext::sh -c touch% ${root}/pwned` },
        { secret: { 'ssh-privatekey': 'a key', known_hosts: 'a host' } },
      ),
    ).toMatch(/transport 'ext' not allowed/);
  });
});

describe('a login', () => {
  let url: string;
  beforeAll(() => {
    const repo = repository();
    repo.commit({ a: '1' });
    url = `${closed.origin}/${repo.name}.git`;
  });

  test('is taken from username and password, whatever they hold', async () => {
    const { tree } = await fetchGit({ url }, { secret: { username: 'me', password: 'pass/word@:%\n' } });
    expect(tree.entries.size).toBe(1);
  });

  test('that is missing, wrong or half is told with what to write, never with what was written', async () => {
    expect(await failure({ url })).toMatch(
      /^denied spec\.source\.git\.secretRef: it wants a login; name a Secret with username and password/,
    );
    const wrong = await failure({ url }, { secret: { username: 'me', password: 'hunter2' } });
    expect(wrong).toMatch(
      /^denied spec\.source\.git\.secretRef: it does not take the username and password of the Secret$/,
    );
    expect(wrong).not.toContain('hunter2');
    expect(await failure({ url }, { secret: { username: 'me' } })).toMatch(
      /^denied .*: the Secret has no key password/,
    );
  });

  test('is given to nobody else: not where the server redirects to', async () => {
    const seen: (string | undefined)[] = [];
    const other = await listen(
      createServer((request, response) => {
        seen.push(request.headers.authorization);
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      }),
    );
    const first = await listen(
      createServer((request, response) =>
        response.writeHead(302, { location: other.origin + request.url }).end(),
      ),
    );
    stops.push(other.stop, first.stop);
    expect(
      await failure({ url: `${first.origin}/x.git` }, { secret: { username: 'me', password: 'p' } }),
    ).toMatch(/^denied /);
    expect(seen).toEqual([undefined]);
  });
});

test('https: an authority of the settings is trusted, any other is not', async () => {
  const certificate = selfSigned(['127.0.0.1']);
  const server = await serve({ certificate });
  const repo = repository();
  const commit = repo.commit({ a: '1' });
  const url = `${server.origin}/${repo.name}.git`;
  expect(await failure({ url }, { caBundle: certificate.certificatePem })).toBe(`fetched ${commit}`);
  expect(await failure({ url })).toMatch(
    /^unavailable .*: its certificate cannot be checked; .* caBundle in the settings/,
  );
});

test('the proxy of the settings is used, for hosts that are not excepted', async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(502).end();
  });
  server.on('connect', (request, socket) => {
    asked.push(request.url ?? '');
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const through = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      through.pipe(socket).pipe(through);
    });
    through.on('error', () => socket.destroy());
    socket.on('error', () => through.destroy());
  });
  const proxy = await listen(server);
  stops.push(proxy.stop);
  const certificate = selfSigned(['127.0.0.1']);
  const secure = await serve({ certificate });
  const repo = repository();
  const commit = repo.commit({ a: '1' });
  const settings = { http: proxy.origin, https: proxy.origin };
  const url = `${secure.origin}/${repo.name}.git`;
  const caBundle = certificate.certificatePem;
  expect(await failure({ url }, { caBundle, proxy: { ...settings, noProxy: [] } })).toBe(`fetched ${commit}`);
  expect(new Set(asked)).toEqual(new Set([secure.host]));
  expect(
    await failure({ url: 'http://somewhere.test/x.git' }, { proxy: { ...settings, noProxy: [] } }),
  ).toMatch(/^unavailable .*502/);
  asked.length = 0;
  expect(await failure({ url }, { caBundle, proxy: { ...settings, noProxy: ['127.0.0.1'] } })).toBe(
    `fetched ${commit}`,
  );
  expect(asked).toEqual([]);
});

describe('ssh', () => {
  let ssh: GitSsh;
  let url: string;
  let commit: string;
  beforeAll(async () => {
    ssh = await startGitSsh(join(root, 'ssh'));
    stops.push(ssh.stop);
    const repo = repository();
    commit = repo.commit({ a: '1' });
    url = `${ssh.origin}${repo.folder}`;
  });
  const secret = () => ({ 'ssh-privatekey': ssh.privateKey, known_hosts: ssh.knownHosts });

  test('with a key and known_hosts', async () => {
    expect(await failure({ url, ref: 'main' }, { secret: secret() })).toBe(`fetched ${commit}`);
    // Without a line's end, as `echo -n` and many web forms leave it.
    const bare = { 'ssh-privatekey': ssh.privateKey.trim(), known_hosts: ssh.knownHosts.trim() };
    const ofWindows = (text: string) => text.replaceAll('\n', '\r\n');
    const windows = {
      'ssh-privatekey': ofWindows(ssh.privateKey),
      known_hosts: ofWindows(ssh.knownHosts),
    };
    expect(await failure({ url, commit }, { secret: bare })).toBe(`fetched ${commit}`);
    expect(await failure({ url, commit }, { secret: windows })).toBe(`fetched ${commit}`);
  });

  test('wants a Secret, with both keys', async () => {
    expect(await failure({ url })).toMatch(
      /^denied spec\.source\.git\.secretRef: name a Secret: .* ssh-privatekey and known_hosts/,
    );
    expect(await failure({ url }, { secret: { 'ssh-privatekey': ssh.privateKey } })).toMatch(
      /has no key known_hosts, without which anybody could pretend/,
    );
    expect(await failure({ url }, { secret: { known_hosts: ssh.knownHosts } })).toMatch(
      /has no key ssh-privatekey/,
    );
  });

  test('takes no other host key, however it is called', async () => {
    const other = await startGitSsh(join(root, 'ssh-other'));
    await other.stop();
    const [host = ''] = ssh.knownHosts.split(' ');
    const wrong = { ...secret(), known_hosts: `${host} ${other.knownHosts.split(' ').slice(1).join(' ')}` };
    const unknown = { ...secret(), known_hosts: other.knownHosts };
    for (const one of [wrong, unknown]) {
      expect(await failure({ url }, { secret: one })).toMatch(
        /^denied .*: its host key is not the one in known_hosts of the Secret$/,
      );
    }
    const stranger = { ...secret(), 'ssh-privatekey': other.privateKey };
    expect(await failure({ url }, { secret: stranger })).toMatch(
      /^denied .*: it does not take the key of the Secret$/,
    );
    expect(await failure({ url }, { secret: { ...secret(), 'ssh-privatekey': 'no key' } })).toMatch(
      /is no key that ssh can read/,
    );
  });

  test('a repository that is not there', async () => {
    expect(await failure({ url: `${ssh.origin}/nowhere.git` }, { secret: secret() })).toMatch(/^absent /);
  });
});
