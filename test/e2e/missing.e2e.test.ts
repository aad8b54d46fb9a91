/** What only the operator can know to be missing: named with its field and the fix, and enough once it is there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { HOST_ADDRESS } from '../../scripts/cluster/place.ts';
import {
  apply,
  conditionsOf,
  createNamespace,
  deleteNamespace,
  ENGINE_IMAGE,
  hasReason,
  kubectl,
  Operator,
  RUN,
  statusOf,
  test,
  type Written,
  withOperator,
} from '../support/e2e.ts';
import { type GitHttp, startGitHttp } from '../support/git-http.ts';
import { GitRepository } from '../support/git-repository.ts';

const NAME = `${RUN}/missing`;
const builders = [{ name: 'buildkit', engine: 'BuildKit', image: ENGINE_IMAGE }];

/** One thing that is not there. */
interface Missing {
  readonly spec: Written;
  readonly reason: string;
  /** In the condition: the field, and what to do. */
  readonly says: string;
  readonly stalled: boolean;
  /** Brings it, without a word in the ImageSpec. */
  readonly bring?: (namespace: string) => Promise<unknown>;
}

const folder = mkdtempSync(join(tmpdir(), 'imagespec-missing-'));
const repository = new GitRepository(folder, 'app');
repository.commit({ 'README.md': 'nothing else\n' });

const configMap = (name: string, ...pairs: string[]) => [
  ...['create', 'configmap', name],
  ...pairs.map((pair) => `--from-literal=${pair}`),
];
const secret = (name: string, ...pairs: string[]) => [
  ...['create', 'secret', 'generic', name],
  ...pairs.map((pair) => `--from-literal=${pair}`),
];

/** Waits until an ImageSpec is Ready; it may be Stalled until somebody looks again. */
const healed = (namespace: string, name: string) =>
  statusOf(namespace, name, 'is Ready', (seen) => conditionsOf(seen).ready === 'True', 240);

withOperator(
  'something that is missing',
  (operator) => {
    let namespace: string;
    let git: GitHttp;
    beforeAll(async () => {
      namespace = await createNamespace('missing.e2e');
      git = await startGitHttp({ root: folder, address: HOST_ADDRESS });
      await kubectl([...configMap('half', 'a.txt=a'), '-n', namespace]);
      await kubectl([...secret('half', 'other=x'), '-n', namespace]);
    });
    afterAll(async () => {
      await deleteNamespace(namespace);
      await git?.stop();
      rmSync(folder, { recursive: true });
    });
    const inGit = () => ({ url: `${git.origin}/app.git` });

    const missing: Record<string, () => Missing> = {
      'a ConfigMap': () => ({
        spec: { source: { configMapRef: { name: 'none' } }, copy: ['a.txt'] },
        reason: 'SourceUnavailable',
        says: 'there is no ConfigMap none in this namespace; create it, or correct spec.source.configMapRef.name',
        stalled: false,
        bring: (at) => kubectl([...configMap('none', 'a.txt=a'), '-n', at]),
      }),
      'a key of a ConfigMap': () => ({
        spec: { source: { configMapRef: { name: 'half' } }, copy: ['a.txt', 'b.txt'] },
        reason: 'InvalidSpec',
        says: 'spec.copy[1]: the source has no b.txt',
        stalled: true,
        bring: (at) => kubectl(['patch', 'configmap', 'half', '-p', '{"data":{"b.txt":"b"}}', '-n', at]),
      }),
      'a branch': () => ({
        spec: { source: { git: { ...inGit(), ref: 'later' } }, copy: ['later.txt'] },
        reason: 'SourceUnavailable',
        says: 'app.git: no branch or tag later. Correct spec.source.git.',
        stalled: false,
        bring: async () => repository.commit({ 'later.txt': 'later' }, 'later'),
      }),
      'a file in git': () => ({
        spec: { source: { git: { ...inGit(), ref: 'main' } }, requirements: 'requirements.txt' },
        reason: 'InvalidSpec',
        says: 'spec.requirements: the source has no requirements.txt',
        stalled: true,
        bring: async () => repository.commit({ 'README.md': 'more\n', 'requirements.txt': 'six\n' }),
      }),
      'a Secret of git': () => ({
        spec: { source: { git: { ...inGit(), secretRef: { name: 'git-login' } } }, copy: ['README.md'] },
        reason: 'SourceUnavailable',
        says: 'secret "git-login" not found',
        stalled: false,
        bring: (at) => kubectl([...secret('git-login', 'username=any', 'password=any'), '-n', at]),
      }),
      'a Secret of the package index': () => ({
        spec: {
          packages: ['six'],
          pipSecretMounts: [{ secretKeyRef: { name: 'none', key: 'netrc' }, path: '/root/.netrc' }],
        },
        reason: 'BuildPending',
        says: 'secret "none" not found',
        stalled: false,
        bring: (at) => kubectl([...secret('none', 'netrc='), '-n', at]),
      }),
      'a key of a Secret': () => ({
        spec: {
          packages: ['six'],
          pipSecretMounts: [{ secretKeyRef: { name: 'half', key: 'netrc' }, path: '/root/.netrc' }],
        },
        reason: 'BuildPending',
        says: 'references non-existent secret key: netrc',
        stalled: false,
        bring: (at) => kubectl(['patch', 'secret', 'half', '-p', '{"data":{"netrc":""}}', '-n', at]),
      }),
      'an ImageSpec': () => ({
        spec: { baseImageSpecRef: { name: 'later' } },
        reason: 'DependencyNotReady',
        says: 'there is no ImageSpec later in this namespace; create it, or correct spec.baseImageSpecRef.name',
        stalled: false,
        bring: (at) => apply(at, { later: { name: `${NAME}-later`, commands: ['echo later'] } }),
      }),
      'room for packages beside a lock file': () => ({
        spec: {
          packages: ['six'],
          source: { files: { 'uv.lock': 'version = 1\n', 'pyproject.toml': '[project]\nname = "a"\n' } },
          requirements: 'uv.lock',
        },
        reason: 'InvalidSpec',
        says: 'spec.packages: a lock file says which packages there are: take packages out, or lock them into uv.lock',
        stalled: true,
      }),
    };

    describe.concurrent('is named, and enough when it comes:', () => {
      test.for(Object.entries(missing))('%s', async ([title, about], { expect }) => {
        const { spec, reason, says, stalled, bring } = about();
        const name = title.toLowerCase().replaceAll(' ', '-');
        await apply(namespace, { [name]: { name: `${NAME}-${name}`, ...spec } });
        const shown = await statusOf(
          namespace,
          name,
          `says ${says}`,
          (seen) => conditionsOf(seen).current && conditionsOf(seen).message.includes(says),
          120,
        );
        expect(conditionsOf(shown)).toMatchObject({ reason, stalled, reconciling: !stalled });
        expect(shown.status.resolvedImage).toBeUndefined();
        if (!bring) return;
        await bring(namespace);
        const after = await healed(namespace, name);
        expect(after.metadata.generation).toBe(shown.metadata.generation);
      });
    });

    test('a builder: named, and enough when the settings have it', async ({ newNamespace, expect }) => {
      const at = await newNamespace();
      await apply(at, { early: { name: NAME, commands: ['echo early'], builder: 'later' } });
      const shown = await hasReason(at, 'early', 'InvalidSpec');
      expect(conditionsOf(shown)).toMatchObject({ ready: 'False', stalled: true });
      expect(conditionsOf(shown).message).toBe(
        'spec.builder: there is no builder later; choose one of: buildkit',
      );

      await operator.terminate();
      const other = new Operator({ builders: [...builders, { ...builders[0], name: 'later' }] });
      await other.start();
      try {
        await healed(at, 'early');
      } finally {
        await other.terminate();
      }
    });
  },
  { builders },
);
