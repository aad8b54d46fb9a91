/**
 * What does a change cost, with a daemon that keeps its caches and with one for each build and a registry cache?
 *
 * One package more, and one source file changed, on top of two PyPI packages and one apt package. The two modes take
 * turns in one run on the local cluster, with the operator as it is deployed there; times are from the moment an
 * ImageSpec is created until it is Ready. Beside it: which layers the changed image shares with the one before, that
 * layers of ours are zstd, and that a layer nobody changed has the same bytes in image and cache: it was never
 * compressed again.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, up } from '../scripts/cluster/cluster.ts';
import { installDaemon } from '../scripts/cluster/daemon.ts';
import { installOperator, localSettings } from '../scripts/cluster/operator.ts';
import { run } from '../scripts/cluster/run.ts';
import { conditionOf } from '../src/api/conditions.ts';
import { API_VERSION, KIND } from '../src/api/names.ts';
import type { Status } from '../src/api/status.ts';
import { type Connection, connect } from '../src/kube/connection.ts';
import { IMAGE_SPECS, pathOf } from '../src/kube/resource.ts';

const RUN = `bench-${randomBytes(3).toString('hex')}`;
const [BUILDS, DAEMON] = [RUN, `${RUN}-daemon`];
const LONGEST_MS = 300_000;
const LOOK_EVERY_MS = 25;
const ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd';

const MODES = { daemon: 'Daemon mode', buildkit: 'Job mode, registry cache' } as const;
type Builder = keyof typeof MODES;

const FIRST = { pythonVersion: '3.11', packages: ['requests', 'pydantic'], aptPackages: ['hello'] };
const withPackage = (name: string) => ({ ...FIRST, packages: [...FIRST.packages, name] });
const withSource = (text: string) => ({
  ...FIRST,
  source: { files: { 'app/main.py': text, 'app/other.py': 'pass\n' } },
  copy: ['app'],
});
/** Each is new to both modes. */
const ADDED = ['six', 'tabulate', 'attrs', 'toolz', 'wrapt'];
const TEXTS = ADDED.map((_, index) => `print(${index})\n`);

/** The kubelet sees once a second what has ended: begun when it just has, a build would always take whole seconds. */
const anyMoment = () => sleep(1000 * Math.random());

interface Layer {
  readonly digest: string;
  readonly mediaType: string;
}

interface Built {
  readonly seconds: number;
  /** The engine's part, with push. */
  readonly engine: number;
  readonly layers: readonly Layer[];
}

class Bench {
  readonly #cluster: Cluster;
  readonly #connection: Connection;
  #count = 0;
  /** What must not be, in sentences. */
  readonly wrong: string[] = [];

  constructor(cluster: Cluster, connection: Connection) {
    this.#cluster = cluster;
    this.#connection = connection;
  }

  async build(builder: Builder, spec: object): Promise<Built> {
    const name = `spec-${this.#count++}`;
    const body = {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: { name },
      spec: { ...spec, builder, name: this.repository(builder) },
    };
    await anyMoment();
    const begun = performance.now();
    await this.#connection.request({
      method: 'POST',
      path: pathOf(IMAGE_SPECS, { namespace: BUILDS }),
      body,
    });
    for (;;) {
      const { status } = await this.#connection.request<{ status?: Status }>({
        method: 'GET',
        path: pathOf(IMAGE_SPECS, { namespace: BUILDS, name }),
      });
      const seconds = (performance.now() - begun) / 1000;
      if (conditionOf(status?.conditions, 'Ready')?.status === 'True') {
        const tag = status?.image?.split(':').at(-1) ?? '';
        const layers = await this.layersOf(this.repository(builder), tag);
        return { seconds, engine: status?.build?.seconds?.build ?? 0, layers };
      }
      const stalled = conditionOf(status?.conditions, 'Stalled');
      if (stalled || seconds * 1000 > LONGEST_MS) {
        throw new Error(`${name}: ${stalled?.message ?? 'not Ready in time'}`);
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  repository(builder: Builder): string {
    return `${RUN}/${builder}`;
  }

  /** What a manifest in the cluster's registry lists; a cache's too. */
  async layersOf(repository: string, tag: string): Promise<Layer[]> {
    const accept = 'application/vnd.oci.image.manifest.v1+json';
    const url = `http://${this.#cluster.registry}/v2/${repository}/manifests/${tag}`;
    const answer = await fetch(url, { headers: { accept } });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    return ((await answer.json()) as { layers: Layer[] }).layers;
  }

  check(holds: boolean, sentence: string): void {
    if (!holds) this.wrong.push(sentence);
  }
}

const median = (list: readonly number[]) =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
const round = (seconds: number) => Math.round(seconds * 10) / 10;

async function main(): Promise<void> {
  const cluster = await up({ withoutOperator: true });
  const { builders } = (await localSettings(cluster)) as { builders: [object] };
  const kubectl = async (...args: string[]) =>
    (await run(cluster.kubectl, ['--kubeconfig', cluster.kubeconfig, ...args])).stdout;
  const connection = await connect({ kubeconfig: cluster.kubeconfig });
  try {
    for (const namespace of [BUILDS, DAEMON]) {
      await kubectl('create', 'namespace', namespace);
      await kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=privileged');
    }
    const daemon = { address: await installDaemon(cluster, DAEMON), sharedTrust: true };
    await installOperator(cluster, {
      builders: [...builders, { ...builders[0], name: 'daemon', priority: 1, daemon }],
    });
    const secret = JSON.parse(await kubectl('get', 'secret', 'buildkit-client', '-n', DAEMON, '-o', 'json'));
    await connection.request({
      method: 'POST',
      path: pathOf({ apiVersion: 'v1', plural: 'secrets' }, { namespace: BUILDS }),
      body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'buildkit-client' }, data: secret.data },
    });
    const bench = new Bench(cluster, connection);
    await measure(bench, await bench.layersOf('library/python', '3.11-slim'));
    for (const sentence of bench.wrong) console.error(`WRONG: ${sentence}`);
    if (bench.wrong.length > 0) process.exitCode = 1;
  } finally {
    for (const namespace of [BUILDS, DAEMON])
      await kubectl('delete', 'namespace', namespace, '--wait=false').catch(() => '');
    await connection.close();
    // As it is for everybody else.
    await installOperator(cluster);
  }
}

async function measure(bench: Bench, base: readonly Layer[]): Promise<void> {
  const builders = Object.keys(MODES) as Builder[];
  const rows: object[] = [];
  const changes: [string, (text: string) => object, readonly string[]][] = [
    ['one package added', withPackage, ADDED],
    ['one source file changed', withSource, TEXTS],
  ];
  const before = new Map<Builder, Built>();
  for (const builder of builders) {
    console.log(`nothing there, ${MODES[builder]} ...`);
    const built = await bench.build(builder, FIRST);
    before.set(builder, built);
    rows.push({
      change: 'nothing there',
      mode: MODES[builder],
      seconds: round(built.seconds),
      engine: round(built.engine),
    });
  }
  for (const [change, specWith, texts] of changes) {
    const times = new Map<Builder, Built[]>();
    if (change === 'one source file changed') {
      for (const builder of builders) before.set(builder, await bench.build(builder, withSource('first\n')));
    }
    for (const text of texts) {
      for (const builder of builders) {
        console.log(`${change}, ${MODES[builder]} ...`);
        const built = await bench.build(builder, specWith(text));
        times.set(builder, [...(times.get(builder) ?? []), built]);
        await judge(bench, builder, `${change} (${MODES[builder]})`, built, base);
      }
    }
    const seconds = (builder: Builder) => median((times.get(builder) ?? []).map((one) => one.seconds));
    for (const builder of builders) {
      const all = times.get(builder) ?? [];
      const known = new Set(before.get(builder)?.layers.map(({ digest }) => digest));
      const layers = all[0]?.layers ?? [];
      rows.push({
        change,
        mode: MODES[builder],
        seconds: round(seconds(builder)),
        engine: round(median(all.map((one) => one.engine))),
        'layers reused': `${layers.filter(({ digest }) => known.has(digest)).length} of ${layers.length}`,
        'Job mode takes':
          builder === 'daemon' ? `${(seconds('buildkit') / seconds('daemon')).toFixed(1)}x` : '',
      });
    }
  }
  console.log(
    `\nSeconds from ImageSpec to Ready, medians of ${ADDED.length}; engine: of it the build and the push`,
  );
  console.table(rows);
}

/** Layers of ours are zstd, the base's are its own, and the cache holds the very layers of the image. */
async function judge(
  bench: Bench,
  builder: Builder,
  about: string,
  { layers }: Built,
  base: readonly Layer[],
): Promise<void> {
  const same = base.every(({ digest }, index) => layers[index]?.digest === digest);
  bench.check(same, `${about}: the base's layers are not its own any more`);
  const own = layers.slice(base.length);
  bench.check(own.length > 0, `${about}: the image has no layers of its own`);
  for (const { digest, mediaType } of own)
    bench.check(mediaType === ZSTD, `${about}: ${digest} is ${mediaType}`);
  const cache = await bench.layersOf(`${bench.repository(builder)}-cache`, 'buildkit-linux-amd64');
  const cached = new Set(cache.map(({ digest }) => digest));
  for (const { digest } of own)
    bench.check(cached.has(digest), `${about}: ${digest} is another one in the cache`);
}

await main();
