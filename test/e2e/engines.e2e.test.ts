/**
 * The same specs on every engine: what comes out behaves the same. Each engine builds in a namespace that admits no more
 * than its pods need.
 */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { load } from '../../scripts/cluster/cluster.ts';
import { localSettings } from '../../scripts/cluster/operator.ts';
import { buildahImage } from '../../scripts/images/images.ts';
import { buildah } from '../support/buildah.ts';
import { found } from '../support/canary.ts';
import {
  apply,
  cluster,
  createNamespace,
  deleteNamespace,
  kubectl,
  outputOf,
  RUN,
  ready,
  type Shown,
  test,
  type Written,
  withOperator,
} from '../support/e2e.ts';
import { inRegistry, layersInRegistry } from '../support/in-registry.ts';

/** The engines, by builder, and what their namespaces admit. */
const ENGINES: Readonly<Record<string, 'privileged' | 'baseline'>> = {
  buildkit: 'privileged',
  kaniko: 'baseline',
  buildah: 'privileged',
  'buildah-plain': 'privileged',
};

const ENV = {
  SPACES: '  both ends \t',
  QUOTES: `he said "it's" \`so\``,
  LINES: 'first\nsecond\n\n  third\t\n',
  DOLLARS: `$HOME $\{HOME} $(id) $(SPACES) $$(SPACES) $$ $((1+1)) %s`,
  BACKSLASHES: '\\ \\n \\" \\$ \\',
  SEPARATORS: 'a\u2028b\u2029c\u0085d',
  NOTHING: '',
  EQUALS: 'a=b,c=d;e "=" ',
};
const variables = Object.entries(ENV).map(([name, value]) => ({ name, value }));

const CANARY = 'canary-1f0b6f7c9e5a4d3b';

/** Everything but what an engine may do in its own way: times, and what was there before. */
const LOOK_AROUND = `import glob, json, os, subprocess, sys
MOUNTED = ['/imagespec', '/kaniko', '/workspace', '/root/.netrc']
def text(path):
    try:
        return open(path, errors='replace').read()
    except OSError:
        return None
def modules():
    found = {}
    for name in sys.argv[1:]:
        try:
            found[name] = __import__(name).__file__
        except ImportError:
            found[name] = None
    return found
def tree(top):
    paths = [top] + sorted(glob.glob(top + '/**', recursive=True, include_hidden=True))
    stats = [(path, os.lstat(path)) for path in dict.fromkeys(paths) if os.path.lexists(path)]
    return [[path, oct(one.st_mode), one.st_uid, one.st_gid] for path, one in stats]
print(json.dumps({
    'env': {k.decode(): v.decode() for k, v in os.environb.items() if k not in (b'HOSTNAME', b'_')},
    'user': os.getuid(),
    'folder': os.getcwd(),
    'modules': modules(),
    'files': {path: text(path) for path in ('/srv/made', '/srv/env', '/srv/here/data/notes.txt', '/srv/here/app.py')},
    'trees': [tree(top) for top in ('/srv', '/opt/venv/bin')],
    'run': [one for one in tree('/run') if not one[0].startswith(('/run/secrets', '/run/imagespec'))],
    'mounted': [one for one in MOUNTED if os.path.lexists(one)] + glob.glob('/var/cache/imagespec*') + glob.glob('/run/imagespec*'),
    'python': subprocess.run(['python', '--version'], capture_output=True, text=True).stdout,
    'hello': (subprocess.run(['sh', '-c', 'hello'], capture_output=True, text=True)).stdout,
    'left': glob.glob('/var/cache/apt/archives/*.deb') + glob.glob('/root/.cache/*')
        + [f for f in glob.glob('/var/lib/apt/lists/**', recursive=True) if os.path.isfile(f)],
    'full': [f for top in MOUNTED + glob.glob('/var/cache/imagespec*') + glob.glob('/run/imagespec*') for f in glob.glob(top + '/**', recursive=True) + [top]
        if not os.path.isdir(f) and os.path.lexists(f) and os.path.getsize(f) > 0],
}))
`;
const entrypoint = ['python', '-c', LOOK_AROUND];

const SPECS: Readonly<Record<string, Written>> = {
  everything: {
    packages: ['six==1.17.0', 'idna'],
    aptPackages: ['hello'],
    env: variables,
    commands: ['cd /srv', 'printf %s "it\'s $((1+1)), $(id -u)" >made', 'env | grep -c ^QUOTES= >env'],
    workdir: '/srv/here',
    user: '1234:2345',
    labels: { 'org.example.note': 'two\nlines, "quotes" and $(id) \\ $PATH', team: 'a' },
    entrypoint: [...entrypoint, 'six', 'idna'],
  },
  files: {
    source: {
      files: {
        'app.py': 'print("hello")\n',
        'data/notes.txt': 'näher\n',
        'requirements.txt': '-r more/requirements.txt\n',
        'more/requirements.txt': 'six\n',
        'not-wanted.txt': '',
      },
    },
    copy: ['app.py', 'data'],
    requirements: 'requirements.txt',
    workdir: '/srv/here',
    entrypoint: [...entrypoint, 'six'],
  },
  secret: {
    packages: ['idna'],
    pipSecretMounts: [{ secretKeyRef: { name: 'index', key: 'netrc' }, path: '/root/.netrc' }],
    entrypoint: [...entrypoint, 'idna'],
  },
  nothing: { entrypoint },
};

interface Made {
  readonly shown: Shown;
  readonly config: object;
  readonly said: Record<string, unknown>;
}

const image = await load(await buildahImage());
const builders = [
  ...((await localSettings(cluster)).builders as object[]),
  buildah('buildah', image, 'BuildKit'),
  buildah('buildah-plain', image, 'Plain'),
];

const everyEngine = () => {
  const namespaces: Record<string, string> = {};
  const made: Record<string, Record<string, Made>> = {};
  beforeAll(async () => {
    for (const [builder, level] of Object.entries(ENGINES)) {
      const namespace = await createNamespace(`engine ${builder}`, {
        'pod-security.kubernetes.io/enforce': level,
      });
      namespaces[builder] = namespace;
      const netrc = `machine index.invalid login me password ${CANARY}\n`;
      await kubectl([
        ...['create', 'secret', 'generic', 'index', `--namespace=${namespace}`],
        `--from-literal=netrc=${netrc}`,
      ]);
      const specs = Object.entries(SPECS).map(([name, spec]) => [
        name,
        { name: `${RUN}/${builder}-${name}`, builder, ...spec },
      ]);
      await apply(namespace, Object.fromEntries(specs));
    }
    for (const [builder, namespace] of Object.entries(namespaces)) {
      made[builder] = {};
      for (const name of Object.keys(SPECS)) {
        const shown = await ready(namespace, name, 300);
        const image = shown.status.resolvedImage ?? '';
        const { User, Env, WorkingDir, Entrypoint, Cmd, Labels } = (await inRegistry(image)).config;
        // buildah puts a variable that is set again at the end.
        const config = { User, Env: Env?.toSorted(), WorkingDir, Entrypoint, Cmd: Cmd ?? [], Labels };
        made[builder][name] = { shown, config, said: JSON.parse(await outputOf(namespace, image)) };
      }
    }
  }, 900_000);
  afterAll(async () => {
    await Promise.all(Object.values(namespaces).map(deleteNamespace));
  });

  const of = (builder: string, name: string): Made => {
    const one = made[builder]?.[name];
    if (!one) throw new Error(`${builder} made no ${name}`);
    return one;
  };
  const others = Object.keys(ENGINES).filter((builder) => builder !== 'buildkit');

  test('is what was asked for, on the engine all others are compared with', () => {
    expect(of('buildkit', 'everything').said).toMatchObject({
      env: ENV,
      user: 1234,
      folder: '/srv/here',
      hello: 'Hello, world!\n',
      modules: { six: expect.stringContaining('/opt/venv/'), idna: expect.stringContaining('/opt/venv/') },
      files: { '/srv/made': "it's 2, 0", '/srv/env': '1\n' },
      left: [],
      full: [],
    });
    expect(of('buildkit', 'files').said).toMatchObject({
      files: { '/srv/here/data/notes.txt': 'näher\n', '/srv/here/app.py': 'print("hello")\n' },
    });
  });

  describe.each(others)('%s', (builder) => {
    test.each(Object.keys(SPECS))('builds %s as the first engine does', (name) => {
      const { shown, config, said } = of(builder, name);
      const first = of('buildkit', name);
      expect(shown.status.build).toMatchObject({ attempt: 1, builder });
      expect(shown.status.specHash).toBe(first.shown.status.specHash);
      const { mounted, ...rest } = said;
      const { mounted: none, ...same } = first.said;
      expect(rest).toEqual(same);
      expect(config).toEqual(first.config);
      // buildah leaves the empty files and folders on which it mounted something.
      if (!builder.startsWith('buildah')) expect(mounted).toEqual(none);
    });

    test('leaves nothing of a Secret in any layer, nor of the build', async () => {
      const image = of(builder, 'secret').shown.status.resolvedImage ?? '';
      const layers = await layersInRegistry(image);
      expect(layers.length).toBeGreaterThan(1);
      const places = builder.startsWith('buildah') ? {} : { mount: 'root/.netrc', work: 'imagespec/work' };
      const words = { canary: CANARY, ...places };
      for (const { bytes } of layers) expect(found(words, bytes)).toEqual([]);
    });

    test('packs layers as their types say', async () => {
      for (const { shown } of Object.values(made[builder] ?? {})) {
        for (const { mediaType, bytes } of await layersInRegistry(shown.status.resolvedImage ?? '')) {
          const begin = mediaType.endsWith('zstd') ? '28b52ffd' : '1f8b08';
          expect(bytes.toString('hex', 0, 4)).toMatch(new RegExp(`^${begin}`));
        }
      }
    });
  });
};

withOperator('a spec on every engine', everyEngine, { builders });
