/** The reflector against a real API server, through each fault it must survive. */
import { describe, expect, inject, type TestContext, test, vi } from 'vitest';
import { type RawObject, Reflector, type ReflectorOptions } from '../../src/kube/reflector.ts';
import { errorEvent, type Seen, startFaultProxy } from '../support/fault-proxy.ts';
import { CONFIG_MAPS, configMaps, connectFor, keptLog, newNamespace } from '../support/kube.ts';

const { kubeconfig } = inject('controlPlane');

const isWatch = (request: Seen) => request.watch;
const isList = (request: Seen) => !request.watch;

/** A namespace, a proxy before the server, and a reflector behind it that notes every change as a word. */
async function stage(t: TestContext, options: Partial<ReflectorOptions<RawObject>> = {}) {
  const direct = await connectFor(t, kubeconfig);
  const proxy = await startFaultProxy(kubeconfig);
  t.onTestFinished(() => proxy.stop());
  const namespace = await newNamespace(t, direct);
  const { log, lines } = keptLog();
  t.onTestFailed(() =>
    console.error(
      lines,
      proxy.seen.map(({ method, url }) => `${method} ${url}`),
    ),
  );
  const changes: string[] = [];
  const reflector = new Reflector<RawObject>({
    connection: await connectFor(t, proxy.kubeconfig),
    resource: CONFIG_MAPS,
    namespace,
    labelSelector: 'of=test',
    parse: (raw) => raw,
    onChange: (key, before, after) => {
      const word = before === undefined ? 'added' : after === undefined ? 'deleted' : 'changed';
      changes.push(`${word} ${key.split('/')[1]}`);
    },
    log,
    pauseMs: [50, 400],
    ...options,
  });
  const stop = new AbortController();
  let run: Promise<void> | undefined;
  t.onTestFinished(async () => {
    stop.abort();
    await run;
  });
  return {
    direct,
    proxy,
    namespace,
    lines,
    changes,
    reflector,
    stop,
    objects: configMaps(direct, namespace),
    names: () =>
      reflector
        .list()
        .map((object) => object.metadata.name)
        .sort(),
    listed: () => proxy.seen.filter(isList).length,
    /** Starts it and waits until its first watch is open. */
    async start() {
      run = reflector.run(stop.signal);
      await reflector.synced();
      await watching(proxy.seen, 1);
    },
    running: () => run,
  };
}

async function watching(seen: readonly Seen[], count: number): Promise<void> {
  await vi.waitFor(() => expect(seen.filter(isWatch).length).toBeGreaterThanOrEqual(count), 20_000);
  // The proxy sees a watch before the client has its answer.
  await new Promise((resolve) => setTimeout(resolve, 150));
}

describe.concurrent('reflector', () => {
  test('tells of what is there and of what happens', async (t) => {
    const { objects, reflector, changes, namespace, start } = await stage(t);
    await objects.create('a', { x: '1' });
    await start();
    expect(changes).toEqual(['added a']);

    await objects.create('b');
    await objects.change('a', { x: '2' });
    await objects.delete('b');
    await vi.waitFor(() => expect(changes).toEqual(['added a', 'added b', 'changed a', 'deleted b']), 10_000);
    expect(reflector.get(`${namespace}/a`)?.data).toEqual({ x: '2' });
    expect(reflector.get(`${namespace}/b`)).toBeUndefined();
  });

  test('gives the same object whether listed or watched', async (t) => {
    const watched = await stage(t);
    await watched.start();
    await watched.objects.create('a', { x: '1' });
    await vi.waitFor(() => expect(watched.names()).toEqual(['a']), 10_000);

    const listed = new Reflector<RawObject>({
      connection: watched.direct,
      resource: CONFIG_MAPS,
      namespace: watched.namespace,
      labelSelector: 'of=test',
      parse: (raw) => raw,
      log: keptLog().log,
    });
    const run = listed.run(watched.stop.signal);
    await listed.synced();
    expect(listed.list()).toEqual(watched.reflector.list());
    expect(listed.list()[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
    expect(listed.list()[0]?.metadata.managedFields).toBeUndefined();
    watched.stop.abort();
    await run;
  });

  test('lists in pages', async (t) => {
    const { objects, names, proxy, start } = await stage(t, { pageSize: 2 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await objects.create(name);
    await start();
    expect(names()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(proxy.seen.filter(isList).map(({ query }) => query.has('continue'))).toEqual([false, true, true]);
  });

  test('begins a new watch where the last one ended, without a list', async (t) => {
    const { objects, changes, listed, proxy, start } = await stage(t, { watchSeconds: [3, 3] });
    await start();
    await objects.create('a');
    await watching(proxy.seen, 2);
    await objects.create('b');
    await vi.waitFor(() => expect(changes).toEqual(['added a', 'added b']), 10_000);
    expect(listed()).toBe(1);
  });

  test('moves on with bookmarks while nothing of ours happens', async (t) => {
    const { direct, proxy, start } = await stage(t, { watchSeconds: [5, 5] });
    await start();
    await configMaps(direct, await newNamespace(t, direct)).create('elsewhere');
    await watching(proxy.seen, 2);
    const [first, second] = proxy.seen
      .filter(isWatch)
      .map(({ query }) => Number(query.get('resourceVersion')));
    expect(second).toBeGreaterThan(first ?? Number.POSITIVE_INFINITY);
  });

  test('watches on after a reset, and misses nothing that happened meanwhile', async (t) => {
    const { objects, changes, listed, proxy, start } = await stage(t, { pauseMs: [600, 600] });
    await objects.create('a');
    await objects.create('b');
    await start();
    await vi.waitFor(() => expect(proxy.cutWatches('reset')).toBe(1), 10_000);
    await objects.delete('a');
    await objects.change('b', { x: '1' });
    await objects.create('c');
    await vi.waitFor(
      () => expect(changes).toEqual(['added a', 'added b', 'deleted a', 'changed b', 'added c']),
      10_000,
    );
    expect(listed()).toBe(1);
  });

  test('tells of what came, changed and vanished during an outage after which it must list', async (t) => {
    const { objects, changes, names, proxy, start } = await stage(t);
    for (const name of ['a', 'b', 'c']) await objects.create(name);
    await start();
    proxy.down();
    await objects.delete('a');
    await objects.change('b', { x: '1' });
    await objects.create('d');
    await objects.delete('c');
    await objects.create('c');
    proxy.inject({ kind: 'status', code: 410, reason: 'Expired' }, isWatch);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(changes).toEqual(['added a', 'added b', 'added c']);
    proxy.up();
    await vi.waitFor(() => expect(names()).toEqual(['b', 'c', 'd']), 10_000);
    expect(changes.slice(3).sort()).toEqual(['added d', 'changed b', 'changed c', 'deleted a']);
  });

  test.for([
    ['a 410 answer', { kind: 'status', code: 410, reason: 'Expired' }],
    ['a 410 event', { kind: 'answer', text: errorEvent(410, 'Expired'), open: true }],
    ['a 500 event', { kind: 'answer', text: errorEvent(500, 'InternalError'), open: true }],
    ['a 500 answer', { kind: 'status', code: 500 }],
    ['a 504 answer: a version the server does not know', { kind: 'status', code: 504, reason: 'Timeout' }],
    ['a watch without a word', { kind: 'answer', text: '' }],
    ['half a line', { kind: 'answer', text: '{"type":"ADD' }],
    ['a line that is no JSON', { kind: 'answer', text: '{"type":"ADDED","obj\n', open: true }],
    ['a line that never ends', { kind: 'answer', text: 'x'.repeat(9 * 1024 * 1024), open: true }],
  ] as const)('lists again after %s', async ([, fault], t) => {
    const { objects, changes, listed, proxy, start } = await stage(t);
    await objects.create('a');
    proxy.inject(fault, isWatch);
    await start();
    await watching(proxy.seen, 2);
    expect(listed()).toBe(2);
    await objects.delete('a');
    await vi.waitFor(() => expect(changes).toEqual(['added a', 'deleted a']), 10_000);
  });

  test.for([
    ['a 429 answer', { kind: 'status', code: 429, reason: 'TooManyRequests', retryAfter: 1 }],
    ['a connection refused mid-way', { kind: 'reset' }],
  ] as const)('watches on without a list after %s', async ([, fault], t) => {
    const { objects, changes, listed, proxy, start } = await stage(t);
    proxy.inject(fault, isWatch, 2);
    await start();
    await watching(proxy.seen, 3);
    await objects.create('a');
    await vi.waitFor(() => expect(changes).toEqual(['added a']), 10_000);
    expect(listed()).toBe(1);
  });

  test('waits as long as a 429 asks', async (t) => {
    const { proxy, start } = await stage(t);
    proxy.inject({ kind: 'status', code: 429, retryAfter: 2 }, isWatch);
    const began = performance.now();
    await start();
    await watching(proxy.seen, 2);
    expect(performance.now() - began).toBeGreaterThan(2_000);
  });

  test('syncs at last when the first lists fail', async (t) => {
    const { objects, names, proxy, start } = await stage(t);
    await objects.create('a');
    proxy.inject({ kind: 'status', code: 500 }, isList, 2);
    proxy.inject({ kind: 'reset' }, isList, 2);
    proxy.inject({ kind: 'status', code: 429 }, isList);
    await start();
    expect(names()).toEqual(['a']);
  });

  test('starts a page-wise list anew when a page has expired', async (t) => {
    const { objects, names, proxy, start } = await stage(t, { pageSize: 1 });
    await objects.create('a');
    await objects.create('b');
    proxy.inject({ kind: 'status', code: 410, reason: 'Expired' }, ({ query }) => query.has('continue'));
    await start();
    expect(names()).toEqual(['a', 'b']);
  });

  test('lists again when its version is one of the future, as after a restored backup', async (t) => {
    const { objects, names, proxy, start } = await stage(t, { watchSeconds: [3, 3] });
    const metadata = { resourceVersion: '999999999' };
    const text = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMapList', metadata, items: [] });
    proxy.inject({ kind: 'answer', text }, isList);
    await start();
    await objects.create('a');
    await vi.waitFor(() => expect(names()).toEqual(['a']), 10_000);
  });

  test('gives up a watch that is never answered', async (t) => {
    const { objects, changes, proxy, start } = await stage(t);
    proxy.inject({ kind: 'hang' }, isWatch);
    await start();
    await objects.create('a');
    await vi.waitFor(() => expect(changes).toEqual(['added a']), 15_000);
  });

  test('leaves a connection that is silently dead', async (t) => {
    const { objects, changes, lines, proxy, start } = await stage(t, { watchSeconds: [1, 1] });
    await start();
    await vi.waitFor(() => expect(proxy.freezeWatches()).toBe(1), 10_000);
    await objects.create('a');
    await vi.waitFor(() => expect(changes).toEqual(['added a']), 20_000);
    expect(lines.at(-1)).toMatchObject({ reason: 'Timeout', relist: false });
  });

  test('does not hammer a server that ends every watch at once', async (t) => {
    const { proxy, start } = await stage(t, { pauseMs: [100, 1_000] });
    proxy.inject({ kind: 'answer', text: '' }, isWatch, 1_000);
    await start();
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(proxy.seen.filter(isWatch).length).toBeLessThan(9);
  });

  test('survives a handler and a parser that throw', async (t) => {
    const told: string[] = [];
    const { objects, reflector, lines, start } = await stage(t, {
      parse: (raw) => {
        if (raw.metadata.name === 'strange') throw new Error('not understood');
        return raw;
      },
      onChange: (key) => {
        told.push(key.split('/')[1] ?? '');
        throw new Error('handler');
      },
    });
    await start();
    for (const name of ['a', 'strange', 'b']) await objects.create(name);
    await vi.waitFor(() => expect(told).toEqual(['a', 'b']), 10_000);
    expect(reflector.list()).toHaveLength(2);
    expect(lines.map(({ msg }) => msg)).toContain('Object not understood');
  });

  test('stops at once and quietly', async (t) => {
    const { lines, stop, start, running } = await stage(t);
    await start();
    const began = performance.now();
    stop.abort();
    await running();
    expect(performance.now() - began).toBeLessThan(500);
    expect(lines).toEqual([]);
  });

  test('stops even in the moment between list and watch', async (t) => {
    const { direct, namespace } = await stage(t);
    const stop = new AbortController();
    const reflector = new Reflector<RawObject>({
      connection: direct,
      resource: CONFIG_MAPS,
      namespace,
      parse: (raw) => raw,
      log: keptLog().log,
    });
    const run = reflector.run(stop.signal);
    await reflector.synced();
    stop.abort();
    await run;
  });

  test('is healthy through a quiet watch, and no longer two minutes after the last word in an outage', async (t) => {
    const { proxy, reflector, start } = await stage(t, { watchSeconds: [240, 240] });
    await start();
    expect(reflector.healthy(reflector.lastContact + 360_000)).toBe(true);
    expect(reflector.healthy(reflector.lastContact + 371_000)).toBe(false);
    proxy.down();
    await vi.waitFor(() => expect(reflector.healthy(reflector.lastContact + 121_000)).toBe(false), 10_000);
    expect(reflector.healthy(reflector.lastContact + 119_000)).toBe(true);
  });
});
