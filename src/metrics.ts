/** The operator's metrics, named as controller-runtime names them so that known dashboards work. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';

export interface Counts {
  readonly ready: number;
  readonly notReady: number;
  readonly queue: number;
  readonly builds: number;
}

export interface Metrics {
  reconciled(result: 'success' | 'requeue' | 'requeue_after' | 'error', seconds: number): void;
  /** Asked at each scrape. */
  watch(counts: () => Counts): void;
  /** Prometheus text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

export function makeMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const labels = { controller: 'imagespec' };
  const total = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Passes by result',
    labelNames: ['controller', 'result'],
    registers,
  });
  const time = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Length of a pass',
    labelNames: ['controller'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  let counts: () => Counts = () => ({ ready: 0, notReady: 0, queue: 0, builds: 0 });
  new Gauge({
    name: 'workqueue_depth',
    help: 'ImageSpecs that wait for a pass',
    labelNames: ['name'],
    registers,
    collect() {
      this.set({ name: 'imagespec' }, counts().queue);
    },
  });
  new Gauge({
    name: 'imagespec_objects',
    help: 'ImageSpecs by their Ready condition',
    labelNames: ['ready'],
    registers,
    collect() {
      this.set({ ready: 'true' }, counts().ready);
      this.set({ ready: 'false' }, counts().notReady);
    },
  });
  new Gauge({
    name: 'imagespec_builds_running',
    help: 'Build Jobs under way',
    registers,
    collect() {
      this.set(counts().builds);
    },
  });
  return {
    reconciled(result, seconds) {
      total.inc({ ...labels, result });
      if (result !== 'error') time.observe(labels, seconds);
    },
    watch(ask) {
      counts = ask;
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
