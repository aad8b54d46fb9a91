/** Files from everywhere they may come from, into images; and what users read when they are not there. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect } from 'vitest';
import { HOST_ADDRESS } from '../../scripts/cluster/place.ts';
import {
  apply,
  cluster,
  conditionsOf,
  hasReason,
  kubectl,
  outputOf,
  podsIn,
  RUN,
  ready,
  type Shown,
  statusOf,
  test,
  withOperator,
} from '../support/e2e.ts';
import { type GitHttp, startGitHttp } from '../support/git-http.ts';
import { GitRepository } from '../support/git-repository.ts';
import { type GitSsh, startGitSsh } from '../support/git-ssh.ts';
import { pushArtifact } from '../support/push-image.ts';
import { tarOf } from '../support/tar.ts';

const folder = mkdtempSync(join(tmpdir(), 'imagespec-sources-'));
const repositories = join(folder, 'repositories');
const password = `canary-${randomBytes(12).toString('base64url')}`;
let http: GitHttp;
let ssh: GitSsh;

beforeAll(async () => {
  http = await startGitHttp({ root: repositories, login: `reader:${password}`, address: HOST_ADDRESS });
  ssh = await startGitSsh(join(folder, 'ssh'), HOST_ADDRESS);
});
afterAll(async () => {
  await http?.stop();
  await ssh?.stop();
  rmSync(folder, { recursive: true });
});

async function create(namespace: string, ...items: object[]): Promise<void> {
  const list = items.map((item) => ({ apiVersion: 'v1', ...item }));
  await kubectl(
    ['apply', '-n', namespace, '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: list }),
  );
}

const secret = (name: string, type: string, stringData: object) => ({
  kind: 'Secret',
  metadata: { name },
  type,
  stringData,
});
const configMap = (data: object, binaryData: object = {}) => ({
  kind: 'ConfigMap',
  metadata: { name: 'code' },
  data,
  binaryData,
});

/** Every file below the workdir with owner and mode, then what the program says. */
const LOOK = ['sh', '-c', 'find . -mindepth 1 ! -type d -printf "%p %u %m %l\\n" | sort; python main.py'];
const PROGRAM = 'import six; print("six", six.__version__, open("data.txt").read())\n';
const REQUIREMENTS = '-r more.txt\n';

/** The digests of the layers of an image in the cluster's registry. */
async function layersOf(image: string): Promise<string[]> {
  const [, repository, digest] = /^[^/]+\/([^:@]+).*@(.+)$/.exec(image) ?? [];
  const answer = await fetch(`http://${cluster.registry}/v2/${repository}/manifests/${digest}`, {
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
  });
  const { layers } = (await answer.json()) as { layers: { digest: string }[] };
  return layers.map((layer) => layer.digest);
}

const settings = { sources: { pollSeconds: 10 } };

withOperator(
  'files of a source',
  () => {
    test('inline: packages by its requirements, files below the workdir, a change is a new image', async ({
      newNamespace,
    }) => {
      const namespace = await newNamespace();
      const spec = (data: string) => ({
        name: `${RUN}/inline`,
        source: {
          files: {
            'req/requirements.txt': REQUIREMENTS,
            'req/more.txt': 'six==1.17.0\n',
            'src/main.py': PROGRAM,
            'src/data.txt': data,
            'unused.txt': data,
          },
        },
        sourceRoot: 'src',
        sourceCopyMode: 'All',
        requirements: 'req/requirements.txt',
        user: '1234',
      });
      await apply(namespace, { inline: spec('first') });
      const first = await ready(namespace, 'inline');
      const image = first.status.resolvedImage ?? '';
      expect(await outputOf(namespace, image, { command: LOOK })).toBe(
        './data.txt 1234 644 \n./main.py 1234 644 \nsix 1.17.0 first\n',
      );

      await apply(namespace, { inline: spec('second') });
      const second = await ready(namespace, 'inline');
      expect(second.status.specHash).not.toBe(first.status.specHash);
      expect(await outputOf(namespace, second.status.resolvedImage ?? '', { command: LOOK })).toContain(
        'second',
      );
      // The packages are a layer of their own, which another file leaves alone.
      const [before, after] = [await layersOf(image), await layersOf(second.status.resolvedImage ?? '')];
      expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
      expect(after.at(-1)).not.toBe(before.at(-1));
    });

    test('a ConfigMap, text and binary: waited for while it is missing, followed when it changes', async ({
      newNamespace,
    }) => {
      const namespace = await newNamespace();
      await apply(namespace, {
        mapped: {
          name: `${RUN}/mapped`,
          source: { configMapRef: { name: 'code' } },
          copy: ['main.py', 'data.bin'],
        },
      });
      const waiting = await hasReason(namespace, 'mapped', 'SourceUnavailable');
      expect(conditionsOf(waiting).message).toContain('there is no ConfigMap code in this namespace');
      const binary = { 'data.bin': Buffer.from([0, 255, 10]).toString('base64') };
      await create(namespace, configMap({ 'main.py': 'print(open("data.bin", "rb").read())' }, binary));
      const first = await ready(namespace, 'mapped');
      const command = ['python', 'main.py'];
      expect(await outputOf(namespace, first.status.resolvedImage ?? '', { command })).toBe(
        "b'\\x00\\xff\\n'\n",
      );

      await create(namespace, configMap({ 'main.py': 'print("changed")' }, binary));
      const changed = await statusOf(
        namespace,
        'mapped',
        'follows the ConfigMap',
        ({ status }) => status.resolvedImage !== undefined && status.digest !== first.status.digest,
        150,
      );
      expect(changed.metadata.generation).toBe(first.metadata.generation);
      expect(await outputOf(namespace, changed.status.resolvedImage ?? '', { command })).toBe('changed\n');
    });

    test('git over http with a login: a branch is followed, and a file that lacks is told and waited for', async ({
      newNamespace,
    }) => {
      const namespace = await newNamespace();
      const repository = new GitRepository(repositories, 'followed');
      const files = { 'requirements.txt': 'six==1.17.0', 'data.txt': 'one', 'run.sh': { executable: '' } };
      repository.commit(files);
      const url = `${http.origin}/followed.git`;
      const git = { url, ref: 'main', secretRef: { name: 'login' } };
      await apply(namespace, {
        followed: {
          name: `${RUN}/followed`,
          source: { git },
          copy: ['main.py', 'data.txt', 'run.sh', 'link'],
          requirements: 'requirements.txt',
          user: '1234',
        },
      });
      // No Secret yet: the pod waits for it, and so says the status.
      const pending = await hasReason(namespace, 'followed', 'SourceUnavailable');
      expect(conditionsOf(pending).message).toMatch(
        /the source cannot be looked at yet: .*"login" not found/,
      );
      await create(namespace, secret('login', 'kubernetes.io/basic-auth', { username: 'reader', password }));
      const lacking = await hasReason(namespace, 'followed', 'InvalidSpec', 150);
      expect(conditionsOf(lacking).message).toContain('spec.copy[0]: the source has no main.py');
      expect(conditionsOf(lacking).message).toContain('spec.copy[3]: the source has no link');

      // Healed where the source lives, without an edit.
      const first = repository.commit({ ...files, 'main.py': PROGRAM, link: { link: 'run.sh' } });
      const isReady = (seen: Shown) => conditionsOf(seen).ready === 'True';
      const shown = await statusOf(namespace, 'followed', 'heals', isReady, 180);
      expect(shown.metadata.generation).toBe(1);
      expect(shown.status.source?.revision).toBe(first);
      expect(await outputOf(namespace, shown.status.resolvedImage ?? '', { command: LOOK })).toBe(
        './data.txt 1234 644 \n./link 1234 777 run.sh\n./main.py 1234 644 \n./run.sh 1234 755 \nsix 1.17.0 one\n',
      );

      // A commit that changes nothing that is used makes no other image.
      const unused = repository.commit({
        ...files,
        'main.py': PROGRAM,
        link: { link: 'run.sh' },
        README: 'x',
      });
      const moved = (revision: string) => (seen: Shown) =>
        seen.status.source?.revision === revision && seen.status.digest !== undefined;
      const same = await statusOf(namespace, 'followed', 'sees the commit', moved(unused), 90);
      expect(same.status.digest).toBe(shown.status.digest);
      const second = repository.commit({
        ...files,
        'main.py': PROGRAM,
        link: { link: 'run.sh' },
        'data.txt': 'two',
      });
      const next = await statusOf(namespace, 'followed', 'follows the branch', moved(second), 120);
      expect(await outputOf(namespace, next.status.resolvedImage ?? '', { command: LOOK })).toContain(
        'two\n',
      );

      const told = await kubectl(['get', 'imagespecs,jobs,pods,events', '-n', namespace, '-o', 'json']);
      const pods = await podsIn(namespace);
      const logs = await Promise.all(
        pods.map(({ metadata }) =>
          kubectl(['logs', metadata?.name ?? '', '--all-containers', '-n', namespace]).catch(() => ''),
        ),
      );
      expect(told + logs.join('\n')).not.toContain(password);
    });

    test('git over ssh: a tag, with the Secret corrected after it was wrong', async ({ newNamespace }) => {
      const namespace = await newNamespace();
      const repository = new GitRepository(repositories, 'tagged');
      const commit = repository.commit({ 'main.py': 'print("by ssh")' });
      repository.git('tag', '-a', '-m', 'x', 'v1');
      repository.commit({ 'main.py': 'print("later")' });
      const type = 'kubernetes.io/ssh-auth';
      await create(namespace, secret('key', type, { 'ssh-privatekey': ssh.privateKey }));
      const git = { url: `${ssh.origin}${repository.folder}`, ref: 'v1', secretRef: { name: 'key' } };
      await apply(namespace, { tagged: { name: `${RUN}/tagged`, source: { git }, copy: ['main.py'] } });
      const told = await waitForMessage(namespace, 'tagged', /no key known_hosts/);
      expect(conditionsOf(told).reason).toBe('SourceUnavailable');

      await create(
        namespace,
        secret('key', type, { 'ssh-privatekey': ssh.privateKey, known_hosts: ssh.knownHosts }),
      );
      const shown = await ready(namespace, 'tagged', 180);
      expect(shown.status.source?.revision).toBe(commit);
      const command = ['python', 'main.py'];
      expect(await outputOf(namespace, shown.status.resolvedImage ?? '', { command })).toBe('by ssh\n');
    });

    test('an OCI artifact: its tag is followed', async ({ newNamespace }) => {
      const namespace = await newNamespace();
      const target = { origin: `http://${cluster.registry}`, repository: `${RUN}/artifact` };
      const push = async (text: string) => {
        const content = gzipSync(
          await tarOf([
            ['app/', { type: 'directory' }],
            ['app/main.py', `print("${text}")`],
          ]),
        );
        const mediaType = 'application/vnd.cncf.flux.content.v1.tar+gzip';
        return await pushArtifact(target, 'main', [{ mediaType, content }]);
      };
      const first = await push('first');
      const image = `${cluster.registry}/${RUN}/artifact:main`;
      await apply(namespace, {
        artifact: { name: `${RUN}/from-artifact`, source: { oci: { image } }, copy: ['app'] },
        absent: { name: `${RUN}/absent`, source: { oci: { image: `${image}-no` } }, copy: ['app'] },
      });
      const shown = await ready(namespace, 'artifact');
      expect(shown.status.source?.revision).toBe(first);
      const command = ['python', 'app/main.py'];
      expect(await outputOf(namespace, shown.status.resolvedImage ?? '', { command })).toBe('first\n');
      await waitForMessage(namespace, 'absent', /no such artifact/);

      const second = await push('second');
      const next = await statusOf(
        namespace,
        'artifact',
        'follows the tag',
        ({ status }) => status.source?.revision === second && status.digest !== undefined,
        120,
      );
      expect(await outputOf(namespace, next.status.resolvedImage ?? '', { command })).toBe('second\n');
    });
  },
  settings,
);

const waitForMessage = (namespace: string, name: string, words: RegExp) =>
  statusOf(namespace, name, `says ${words}`, (seen) => words.test(conditionsOf(seen).message), 90);
