/** Events on a real API server: what is written, and that nothing of it is ever in the way. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { type EventNote, EventRecorder } from '../../src/kube/events.ts';
import { EVENTS, pathOf } from '../../src/kube/resource.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { configMaps, connectFor, type ForTest, keptLog, newNamespace } from '../support/kube.ts';

const { kubeconfig, kubectl } = inject('controlPlane');

interface WrittenEvent {
  metadata: { name: string };
  note: string;
  reason: string;
  series?: { count: number };
}

async function stage(t: ForTest, through = kubeconfig) {
  const connection = await connectFor(t, kubeconfig);
  const namespace = await newNamespace(t, connection);
  const { metadata } = await configMaps(connection, namespace).create('subject');
  const { log, lines } = keptLog();
  const clock = { now: new Date() };
  const recorder = new EventRecorder({
    connection: await connectFor(t, through),
    log,
    instance: 'operator-0',
    now: () => clock.now,
  });
  const path = pathOf(EVENTS, { namespace });
  return {
    connection,
    namespace,
    recorder,
    lines,
    clock,
    path,
    note: (over: Partial<EventNote> = {}): EventNote => ({
      regarding: { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'subject', uid: metadata.uid },
      type: 'Normal',
      reason: 'BuildStarted',
      note: 'Created Job imagespec-1',
      action: 'Build',
      ...over,
    }),
    written: async () => (await connection.request<{ items: WrittenEvent[] }>({ method: 'GET', path })).items,
  };
}

test('says a thing as kubectl describe shows it', async (t) => {
  const { recorder, note, namespace } = await stage(t);
  recorder.record(note({ type: 'Warning', reason: 'BuildFailed', note: 'No package is called nunpy' }));
  await recorder.idle();
  const { stdout } = await promisify(execFile)(kubectl, [
    ...['--kubeconfig', kubeconfig, '--namespace', namespace, 'describe', 'configmap', 'subject'],
  ]);
  expect(stdout).toMatch(
    /Warning +BuildFailed +\S+ +imagespec\.dev\/controller\S* +No package is called nunpy/,
  );
});

test('makes a series of what is said again, and an Event of what is new', async (t) => {
  const { recorder, note, written } = await stage(t);
  recorder.record(note());
  await recorder.idle();
  recorder.record(note());
  recorder.record(note());
  recorder.record(note({ note: 'Created Job imagespec-2' }));
  await recorder.idle();
  const events = (await written()).sort((a, b) => a.note.localeCompare(b.note));
  expect(events.map(({ note, series }) => [note, series?.count])).toEqual([
    ['Created Job imagespec-1', 3],
    ['Created Job imagespec-2', undefined],
  ]);
});

test('makes one Event of a burst', async (t) => {
  const { recorder, note, written } = await stage(t);
  for (let times = 0; times < 500; times += 1) recorder.record(note());
  await recorder.idle();
  expect((await written()).map(({ series }) => series?.count)).toEqual([500]);
});

test('says it anew after a while, and when the server has forgotten', async (t) => {
  const { recorder, note, written, clock, connection, path } = await stage(t);
  recorder.record(note());
  await recorder.idle();
  clock.now = new Date(clock.now.getTime() + 361_000);
  recorder.record(note());
  await recorder.idle();
  expect(await written()).toHaveLength(2);

  await connection.request({ method: 'DELETE', path });
  recorder.record(note());
  await recorder.idle();
  expect(await written()).toHaveLength(1);
});

test('cuts a note to a kilobyte between characters', async (t) => {
  const { recorder, note, written } = await stage(t);
  recorder.record(note({ note: 'ä'.repeat(600) }));
  recorder.record(note({ note: `x${'ä'.repeat(600)}` }));
  await recorder.idle();
  expect((await written()).map((event) => event.note).sort()).toEqual([
    `x${'ä'.repeat(511)}`,
    'ä'.repeat(512),
  ]);
});

test('logs what cannot be written, and writes what comes next', async (t) => {
  const proxy = await startFaultProxy(kubeconfig);
  const { recorder, note, written, lines } = await stage(t, proxy.kubeconfig);
  proxy.inject({ kind: 'status', code: 500 });
  proxy.inject({ kind: 'reset' });
  recorder.record(note({ note: 'one' }));
  recorder.record(note({ note: 'two' }));
  recorder.record(note({ note: 'three' }));
  recorder.record(note({ reason: 'x'.repeat(200) }));
  await recorder.idle();
  await proxy.stop();
  expect((await written()).map((event) => event.note)).toEqual(['three']);
  expect(lines.map(({ msg, code }) => [msg, code])).toEqual([
    ['Event not written', 500],
    ['Event not written', 0],
    ['Event not written', 422],
  ]);
});
