/**
 * Levels of tests, told apart by the end of the file's name: `*.test.ts` needs nothing, `*.control.test.ts` a
 * real API server and registry, `*.e2e.test.ts` the whole local cluster; one file makes and removes that cluster
 * again and again. `scripts/test.ts` starts what they need.
 */
import { defineConfig } from 'vitest/config';

const LIFECYCLE = 'test/cluster/lifecycle.test.ts';

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['**/*.control.test.ts', '**/*.e2e.test.ts', LIFECYCLE],
          // Properties take seconds, and more on a busy machine.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'control',
          include: ['test/**/*.control.test.ts'],
          globalSetup: ['test/support/control-plane.setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: { name: 'lifecycle', include: [LIFECYCLE], testTimeout: 300_000, hookTimeout: 300_000 },
      },
    ],
  },
});
