/** Private registries, sources and package indexes: who may push and pull, and that nobody else learns a password. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { localSettings } from '../../scripts/cluster/operator.ts';
import { HOST_ADDRESS } from '../../scripts/cluster/place.ts';
import { found } from '../support/canary.ts';
import { signed } from '../support/certificate.ts';
import {
  apply,
  change,
  cluster,
  conditionsOf,
  hasReason,
  kubectl,
  podsIn,
  RUN,
  ready,
  test,
  withOperator,
} from '../support/e2e.ts';
import { type GitHttp, startGitHttp } from '../support/git-http.ts';
import { GitRepository } from '../support/git-repository.ts';
import { type PackageIndex, startPackageIndex } from '../support/package-index.ts';
import { type RegistryServer, startRegistry, TEST_LOGIN } from '../support/registry-server.ts';
import { startTokenServer, type TokenServer } from '../support/token-server.ts';

/** On this host, where pods reach it as they reach any other machine. */
const at = (port: number) => `${HOST_ADDRESS}:${port}`;
const BASIC = at(5710);
const TOKEN = at(5711);
const TOKEN_SERVER = at(5712);
const INDEX = at(5713);

/** Nobody but who names its Secret may learn one of these. */
const canary = () => `canary-${randomBytes(12).toString('base64url')}`;
const PASSWORDS = {
  basic: TEST_LOGIN.password,
  token: canary(),
  index: canary(),
  git: canary(),
  wrong: canary(),
};
const certificate = signed([HOST_ADDRESS]);

const folder = mkdtempSync(join(tmpdir(), 'imagespec-private-'));
const dockerConfigFile = join(folder, 'config.json');
const login = (host: string, password: string) => ({
  [`http://${host}/v2/`]: { username: TEST_LOGIN.username, password },
});
const LOGINS = {
  basic: login(BASIC, PASSWORDS.basic),
  token: login(TOKEN, PASSWORDS.token),
  wrong: login(BASIC, PASSWORDS.wrong),
};
// The operator reads it when it starts, before any hook here.
writeFileSync(dockerConfigFile, JSON.stringify({ auths: { ...LOGINS.basic, ...LOGINS.token } }));

const { caBundle = '' } = await localSettings(cluster);
const settings = {
  // The operator may read; pushing is the tenants' own business.
  dockerConfigFile,
  caBundle: `${caBundle}\n${certificate.authorityPem}`,
  registries: [
    ...['docker.io', 'ghcr.io'].map((host) => ({ host, endpoint: `http://${cluster.registry}` })),
    ...[cluster.registry, BASIC, TOKEN, TOKEN_SERVER].map((host) => ({ host, insecure: true })),
  ],
};

/** The Secrets of the registries by their names; `index` for the package index, `git` for the source. */
async function createSecrets(namespace: string): Promise<void> {
  const registries = Object.entries(LOGINS).map(([name, auths]) => ({
    metadata: { name },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': JSON.stringify({ auths }) },
  }));
  const netrc = `machine ${HOST_ADDRESS} login reader password ${PASSWORDS.index}\n`;
  const index = { metadata: { name: 'index' }, type: 'Opaque', stringData: { netrc } };
  const login = { username: 'reader', password: PASSWORDS.git };
  const git = { metadata: { name: 'git' }, type: 'kubernetes.io/basic-auth', stringData: login };
  const items = [...registries, index, git].map((one) => ({ apiVersion: 'v1', kind: 'Secret', ...one }));
  await kubectl(
    ['apply', '-n', namespace, '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  );
}

/** All that the API server shows of a namespace but its Secrets, with the logs of every container. */
async function wordsOf(namespace: string): Promise<Record<'objects' | 'logs', string>> {
  const kinds = 'imagespecs,jobs,pods,events,configmaps';
  const objects = await kubectl(['get', kinds, '-n', namespace, '-o', 'json', '--show-managed-fields']);
  const logs = (await podsIn(namespace)).flatMap(({ metadata, spec }) =>
    [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(({ name }) =>
      // A container that never began has none.
      kubectl(['logs', metadata?.name ?? '', '-c', name, '-n', namespace]).catch(() => ''),
    ),
  );
  return { objects, logs: (await Promise.all(logs)).join('\n') };
}

withOperator(
  'a private registry',
  (operator) => {
    let basic: RegistryServer;
    let token: RegistryServer;
    let tokens: TokenServer;
    let index: PackageIndex;
    let git: GitHttp;
    beforeAll(async () => {
      const tokenLogin = `${TEST_LOGIN.username}:${PASSWORDS.token}`;
      tokens = await startTokenServer({ login: tokenLogin, address: TOKEN_SERVER });
      basic = await startRegistry({ auth: 'basic', address: BASIC });
      token = await startRegistry({ auth: tokens, address: TOKEN });
      new GitRepository(folder, 'source').commit({ 'app.py': 'print("tweet")\n' });
      git = await startGitHttp({ root: folder, address: HOST_ADDRESS, login: `reader:${PASSWORDS.git}` });
      const packages = { canarybird: 'SONG = "tweet"\n' };
      index = await startPackageIndex({
        address: INDEX,
        certificate,
        login: `reader:${PASSWORDS.index}`,
        packages,
      });
    });
    afterAll(async () => {
      await Promise.all([basic, token, tokens, index, git].map((server) => server?.stop()));
      rmSync(folder, { recursive: true });
    });

    test('takes the image of who names the right Secret, and tells others before they build', async ({
      newNamespace,
    }) => {
      const namespace = await newNamespace();
      await createSecrets(namespace);
      const spec = { registry: BASIC, name: `${RUN}/app`, commands: ['echo made > /made'] };
      await apply(namespace, {
        none: spec,
        wrong: { ...spec, name: `${RUN}/wrong`, pushSecretRef: { name: 'wrong' } },
      });

      for (const name of ['none', 'wrong']) {
        const denied = await hasReason(namespace, name, 'RegistryDenied', 60);
        expect(conditionsOf(denied)).toMatchObject({ ready: 'False', stalled: true });
        expect(conditionsOf(denied).message).toContain('spec.pushSecretRef');
        expect(denied.status.lastFailure).toMatchObject({ step: 'prepare', count: 1 });
      }

      await change(namespace, 'none', { pushSecretRef: { name: 'basic' } });
      const pushed = await ready(namespace, 'none');
      expect(pushed.status.resolvedImage).toContain(`${BASIC}/${RUN}/app:`);

      // The image is a private base now.
      const onTop = {
        name: `${RUN}/on-top`,
        baseImage: pushed.status.resolvedImage,
        commands: ['cat /made'],
      };
      await apply(namespace, {
        blind: onTop,
        seeing: { ...onTop, name: `${RUN}/seeing`, pullSecretRefs: [{ name: 'basic' }] },
      });
      expect(conditionsOf(await hasReason(namespace, 'blind', 'RegistryDenied', 60)).message).toContain(
        BASIC,
      );
      await ready(namespace, 'seeing');

      expect(found(PASSWORDS, JSON.stringify(await wordsOf(namespace)))).toEqual([]);
    });

    test('of base, image, cache, source and package index leave no trace of a password anywhere', async ({
      newNamespace,
    }) => {
      const namespace = await newNamespace();
      await createSecrets(namespace);
      const marked = {
        env: [{ name: 'MARK', value: 'mark-in-words' }],
        commands: ['echo $MARK', 'printf mark-%s in-layer >/srv/mark'],
      };
      const base = { registry: BASIC, name: `${RUN}/base`, pushSecretRef: { name: 'basic' }, ...marked };
      await apply(namespace, { base });
      const { status } = await ready(namespace, 'base');

      const app = {
        ...marked,
        registry: `${TOKEN}/private`,
        name: `${RUN}/app`,
        pushSecretRef: { name: 'token' },
        baseImage: status.resolvedImage,
        pullSecretRefs: [{ name: 'basic' }],
        pipIndex: index.url,
        pipSecretMounts: [{ secretKeyRef: { name: 'index', key: 'netrc' }, path: '/root/.netrc' }],
        packages: ['canarybird'],
        source: { git: { url: `${git.origin}/source.git`, secretRef: { name: 'git' } } },
        copy: ['app.py'],
      };
      await apply(namespace, {
        app: {
          ...app,
          commands: [...marked.commands, 'test ! -e /root/.netrc', 'python -c "import canarybird, app"'],
        },
        // Its commands could read the Secret of the packages, so it takes only one of the two.
        kaniko: { ...app, name: `${RUN}/kaniko`, builder: 'kaniko', commands: [] },
        broken: { ...app, packages: ['canarybird', 'no-such-bird'], name: `${RUN}/broken` },
        denied: { ...base, name: `${RUN}/denied`, pushSecretRef: { name: 'wrong' } },
      });
      const built = await ready(namespace, 'app');
      await ready(namespace, 'kaniko', 240);
      expect(token.requests).toContainEqual(
        expect.stringMatching(`^PUT /v2/private/${RUN}/kaniko-cache/.* 201$`),
      );
      expect(index.given).toContain('/files/canarybird-1.0-py3-none-any.whl');
      const broken = await hasReason(namespace, 'broken', 'PackageNotFound');
      expect(conditionsOf(broken).message).toContain('no-such-bird');
      await hasReason(namespace, 'denied', 'RegistryDenied');

      // The cache is as private as the image, and used.
      const given = index.given.length;
      await apply(namespace, { again: { ...app, commands: ['echo another'] } });
      const again = await ready(namespace, 'again');
      expect(index.given).toHaveLength(given);
      const log = await kubectl([
        'logs',
        `job/${again.status.build?.jobName}`,
        '-c',
        'build',
        '-n',
        namespace,
      ]);
      expect(log).toMatch(/CACHED/);
      expect(token.requests).toContainEqual(
        expect.stringMatching(new RegExp(`^GET /v2/private/${RUN}/app-cache/manifests/\\S+ 200$`)),
      );

      const words = { ...(await wordsOf(namespace)), operator: await operator.log() };
      const marks = { words: 'mark-in-words', layer: 'mark-in-layer' };
      const seen = new Set<string>();
      const look = (place: string, text: string | Buffer) => {
        for (const name of found({ ...PASSWORDS, ...marks }, text)) seen.add(`${name} in ${place}`);
      };
      for (const [place, text] of Object.entries(words)) look(place, text);
      for await (const blob of basic.blobs()) look('basic registry', blob);
      for await (const blob of token.blobs()) look('token registry', blob);
      // Whoever finds the marks would have found a password.
      expect([...seen].sort()).toEqual([
        'layer in basic registry',
        'layer in token registry',
        'words in basic registry',
        'words in logs',
        'words in objects',
        'words in token registry',
      ]);
      expect(built.status.resolvedImage).toContain(`${TOKEN}/private/${RUN}/app:`);
    });
  },
  settings,
);
