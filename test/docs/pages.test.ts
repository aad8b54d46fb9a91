/** The pages that people read: every ImageSpec in them is valid, every link leads somewhere, no page is beside the way. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { printed } from '../../src/cli/findings.ts';
import { validate } from '../../src/cli/validate.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const DOCS = readdirSync(join(ROOT, 'docs')).map((name) => `docs/${name}`);
const PAGES = ['README.md', 'AGENTS.md', ...DOCS];
const textOf = (page: string) => readFileSync(join(ROOT, page), 'utf8');

const imageSpecs = PAGES.flatMap((page) =>
  [...textOf(page).matchAll(/```yaml\n(.*?)```/gs)]
    .map(([, block = '']) => block)
    .filter((block) => block.includes('kind: ImageSpec'))
    .map((block) => [page, /name: ([a-z-]+)/.exec(block)?.[1] ?? '', block] as const),
);

it.each(imageSpecs)('%s: the ImageSpec %s is valid', (page, _name, text) => {
  expect(validate({ file: page, text }).findings.map(printed)).toEqual([]);
});

/** Links of a page to other files of the tree, or to its own headings. */
function linksOf(page: string): string[] {
  const prose = textOf(page).replace(/```.*?```/gs, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

/** A heading as GitHub makes its anchor. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');

it.each(PAGES)('%s: every link leads to a file, and to a heading of it', (page) => {
  const dead = linksOf(page).filter((target) => {
    const [file = '', anchor] = target.split('#');
    const path = file === '' ? join(ROOT, page) : resolve(ROOT, dirname(page), file);
    if (!existsSync(path)) return true;
    if (anchor === undefined) return false;
    const headings = [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text);
    return !headings.map(anchorOf).includes(anchor);
  });
  expect(dead).toEqual([]);
});

it('README leads to every page of docs', () => {
  const led = linksOf('README.md').map((target) => target.split('#')[0]);
  expect(DOCS.filter((page) => !led.includes(page))).toEqual([]);
});

it('docs/troubleshooting.md has every reason but the good one', () => {
  const reasons = [...textOf('src/api/reasons.ts').matchAll(/'([A-Z][A-Za-z]+)'/g)].map(
    ([, reason = '']) => reason,
  );
  expect(reasons).toContain('InvalidSpec');
  const page = textOf('docs/troubleshooting.md');
  const missing = [...new Set(reasons)].filter((reason) => !page.includes(`\`${reason}\``));
  expect(missing).toEqual(['ImageAvailable']);
});

it('docs/operations.md has every metric of our own', () => {
  const metrics = [...textOf('src/metrics.ts').matchAll(/name: '([a-z_]+)',\n\s*help:/g)].map(
    ([, name = '']) => name,
  );
  expect(metrics.length).toBeGreaterThan(4);
  const page = textOf('docs/operations.md');
  expect(metrics.filter((name) => !page.includes(`\`${name}`))).toEqual([]);
});
