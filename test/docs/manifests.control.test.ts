/** What the pages tell people to apply, a real API server takes. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { run } from '../../scripts/cluster/run.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`)];
/** Those of a server without anything else installed; Flux has its own. */
const KINDS = ['imagespec.dev/', 'networking.k8s.io/', 'admissionregistration.k8s.io/'];

const manifests = PAGES.flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/```yaml\n(.*?)```/gs)]
    .map(([, block = '']) => block)
    .filter((block) => KINDS.some((group) => block.startsWith(`apiVersion: ${group}`)))
    .map((block) => [page, /name: ([a-z-]+)/.exec(block)?.[1] ?? '', block] as const),
);

test.each(manifests)('%s: %s', async (_page, _name, text) => {
  const { kubeconfig, kubectl } = inject('controlPlane');
  const input = text.replaceAll('namespace: team-a', 'namespace: default');
  const apply = ['--kubeconfig', kubeconfig, 'apply', '--dry-run=server', '--filename', '-'];
  expect((await run(kubectl, apply, { input })).stdout).toContain('created (server dry run)');
});
