/** From `kubectl apply` to a Pod that has what was asked for. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import {
  apply,
  cluster,
  conditionsOf,
  createNamespace,
  deleteNamespace,
  jobsIn,
  kubectl,
  outputOf,
  RUN,
  reached,
  ready,
  type Shown,
  test,
  watchJobs,
  withOperator,
} from '../support/e2e.ts';
import { inRegistry } from '../support/in-registry.ts';

/** Says what it finds around it, as JSON. */
const LOOK_AROUND = `import glob, json, os, subprocess, sys
import idna, six
def text(path):
    try:
        return open(path, errors='replace').read()
    except OSError:
        return ''
trusted = ''.join(text(f) for top in ('/etc/ssl', '/usr/share/ca-certificates', '/usr/local/share') for f in glob.glob(top + '/**', recursive=True))
print(json.dumps({
    'env': {k.decode(): v.decode() for k, v in os.environb.items()},
    'user': os.getuid(),
    'folder': os.getcwd(),
    'args': sys.argv[1:],
    'versions': [idna.__version__, six.__version__],
    'hello': subprocess.run(['hello'], capture_output=True, text=True).stdout,
    'made': text('/srv/made'),
    'owner': os.stat('/srv/here').st_uid,
    'left': glob.glob('/run/imagespec*') + glob.glob('/var/cache/imagespec*') + glob.glob('/var/cache/apt/archives/*.deb')
        + [f for f in glob.glob('/var/lib/apt/lists/**', recursive=True) if os.path.isfile(f)] + glob.glob('/root/.cache/*'),
    'trusted': [part for part in sys.argv[2:] if part in trusted],
}))
`;

const ENV = {
  SPACES: '  both ends \t',
  QUOTES: `he said "it's" \`so\``,
  LINES: 'first\nsecond\n\n  third\t\n',
  DOLLARS: `$HOME $\{HOME} $(id) $$ $((1+1)) %s`,
  BACKSLASHES: '\\ \\n \\" \\$ \\',
  SEPARATORS: 'a\u2028b\u2029c\u0085d',
  NOTHING: '',
  EQUALS: 'a=b,c=d;e "=" ',
};

const SPEC = {
  name: `${RUN}/sample`,
  packages: ['six==1.17.0', 'idna'],
  aptPackages: ['hello'],
  env: Object.entries(ENV).map(([name, value]) => ({ name, value })),
  commands: ['cd /srv', 'printf %s "it\'s $((1+1)), $(id -u)" >made'],
  workdir: '/srv/here',
  user: '1234:2345',
  labels: { 'org.example.note': 'two\nlines, "quotes" and $(id)', team: 'a' },
  entrypoint: ['python', '-c', LOOK_AROUND],
};

withOperator('an ImageSpec', () => {
  let namespace: string;
  let sample: Shown;
  beforeAll(async () => {
    namespace = await createNamespace('the sample of happy.e2e');
    await apply(namespace, { sample: SPEC });
    const condition = ['--for=condition=Ready', '--timeout=120s'];
    await kubectl(['wait', 'imagespec/sample', `--namespace=${namespace}`, ...condition]);
    sample = await ready(namespace, 'sample', 0);
  });
  afterAll(async () => {
    await deleteNamespace(namespace);
  });

  test('becomes Ready with an image that is pinned by its digest', async () => {
    const { status } = sample;
    expect(conditionsOf(sample)).toMatchObject({ ready: 'True', reason: 'ImageAvailable', stalled: false });
    expect(status.conditions).toHaveLength(1);
    expect(status.image).toBe(`${cluster.registry}/${RUN}/sample:${status.specHash?.slice(0, 32)}`);
    expect(status.resolvedImage).toBe(`${status.image}@${status.digest}`);
    expect((await inRegistry(status.image ?? '')).digest).toBe(status.digest);
    expect(status.latestReady).toMatchObject({ image: status.resolvedImage, observedGeneration: 1 });
    expect(status.build).toMatchObject({ attempt: 1, builder: 'buildkit' });
    expect(Object.keys(status.build?.seconds ?? {}).sort()).toEqual(['build', 'prepare', 'queue', 'verify']);
    expect(status.base?.image).toBe('python:3.11-slim');
  });

  test('gives a Pod packages, literal variables, user, folder and entrypoint, and nothing of the build', async () => {
    const authorities = cluster.additionalCA ? await readFile(cluster.additionalCA, 'utf8') : '';
    // A line from within each certificate tells whether it is in a bundle.
    const inside = authorities.split('-----BEGIN CERTIFICATE-----\n').slice(1);
    const args = ['an argument', ...inside.map((certificate) => certificate.split('\n')[3] ?? '')];
    const said = JSON.parse(await outputOf(namespace, sample.status.resolvedImage ?? '', { args }));
    expect(said.env).toMatchObject(ENV);
    expect(said.env.PATH).toMatch(/^\/opt\/venv\/bin:/);
    expect(Object.keys(said.env).filter((name) => name.startsWith('IMAGESPEC'))).toEqual([]);
    expect(said).toMatchObject({
      // Its group is in the image too, but Kubernetes takes only the number of the user from there.
      user: 1234,
      folder: '/srv/here',
      owner: 1234,
      versions: [expect.stringMatching(/^\d+\.\d+/), '1.17.0'],
      hello: 'Hello, world!\n',
      made: "it's 2, 0",
      left: [],
      trusted: [],
    });
    expect(said.args[0]).toBe('an argument');
  });

  test('puts its labels and nothing of the build into the config of the image', async () => {
    const { config } = await inRegistry(sample.status.resolvedImage ?? '');
    expect(config.Labels).toMatchObject({
      ...SPEC.labels,
      'imagespec.dev/spec-hash': sample.status.specHash,
    });
    expect(config.User).toBe('1234:2345');
    expect(config.Cmd ?? []).toEqual([]);
    expect(config.Entrypoint).toEqual(SPEC.entrypoint);
    expect(config.Env?.filter((entry) => entry.startsWith('IMAGESPEC'))).toEqual([]);
  });

  test('shows in kubectl get, describe and explain what a user looks for', async () => {
    const lines = (await kubectl(['get', 'ispec', `--namespace=${namespace}`])).split('\n');
    expect(lines[0]?.trim().split(/\s+/)).toEqual(['NAME', 'READY', 'REASON', 'IMAGE', 'AGE']);
    expect(lines[1]?.trim().split(/\s+/).slice(0, 4)).toEqual([
      'sample',
      'True',
      'ImageAvailable',
      sample.status.image,
    ]);
    const wide = await kubectl(['get', 'imgspec', `--namespace=${namespace}`, '--output=wide']);
    expect(wide).toContain(sample.status.digest);
    const described = await kubectl(['describe', 'imagespec', 'sample', `--namespace=${namespace}`]);
    expect(described).toMatch(/BuildStarted .*Created Job imagespec-/);
    expect(described).toContain(`ImageAvailable`);
    const explained = await kubectl(['explain', 'imagespec.spec.packages']);
    expect(explained).toContain('FIELD: packages <[]string>');
    expect(explained.replace(/\s+/g, ' ')).toContain('Python packages, as for pip install: pandas==2.2.3');
  });

  test('is Ready within two seconds and without a Job where its content exists', async ({ newNamespace }) => {
    const other = await newNamespace();
    const jobs = await Promise.all([watchJobs(namespace), watchJobs(other)]);
    const before = (await jobsIn(namespace)).length;
    const reordered = { ...SPEC, packages: ['idna', 'Six == 1.17.0'], env: SPEC.env.toReversed() };
    const begun = performance.now();
    await Promise.all([apply(namespace, { again: reordered }), apply(other, { sample: SPEC })]);
    const both = await Promise.all([ready(namespace, 'again', 5), ready(other, 'sample', 5)]);
    expect(performance.now() - begun).toBeLessThan(2000);
    for (const { status } of both) expect(status.resolvedImage).toBe(sample.status.resolvedImage);
    expect(jobs.map(({ seen }) => seen.size)).toEqual([before, 0]);
    for (const { end } of jobs) end();
  });

  test('shares the build with another of the same content, and the last one to go ends it', async ({
    newNamespace,
  }) => {
    const shared = await newNamespace();
    const spec = { name: `${RUN}/shared`, commands: ['sleep 600'] };
    await apply(shared, { one: spec, two: spec });
    const owners = async () => {
      const jobs = await jobsIn(shared);
      return jobs.map(({ metadata }) => (metadata?.ownerReferences ?? []).map(({ name }) => name).sort());
    };
    const seenOwners = (what: string, wanted: string[][]) =>
      reached(what, owners, (seen) => JSON.stringify(seen) === JSON.stringify(wanted), 20);
    await seenOwners('both own one Job', [['one', 'two']]);
    const [job] = await jobsIn(shared);
    await kubectl(['delete', 'imagespec', 'one', `--namespace=${shared}`]);
    await seenOwners('one Job is left to the other', [['two']]);
    const [same] = await jobsIn(shared);
    expect(same?.metadata?.uid).toBe(job?.metadata?.uid);
    expect(same?.metadata?.deletionTimestamp).toBeUndefined();
    await kubectl(['delete', 'imagespec', 'two', `--namespace=${shared}`]);
    await seenOwners('the Job is gone', []);
  });
});
