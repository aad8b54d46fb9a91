/**
 * Writes the files that are made from the sources: the CRD, the pages of the fields and of the settings.
 *
 * `npm run generate` writes them; `npm run generate -- --check` only says which are stale (exit code 1).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { crdYaml } from './generate/crd.ts';
import { referencePage } from './generate/reference-page.ts';
import { settingsPage } from './generate/settings-page.ts';

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, help: { type: 'boolean' } },
});
if (values.help) {
  console.log(
    'usage: npm run generate [-- --check]\n\nWrites the generated files; --check only compares them.',
  );
  process.exit(0);
}

const files: Record<string, () => string> = {
  'crds/imagespec.dev_imagespecs.yaml': crdYaml,
  'docs/reference.md': referencePage,
  'docs/settings.md': settingsPage,
};

const stale = Object.entries(files).filter(([file, make]) => read(file) !== make());
for (const [file, make] of stale) {
  if (values.check) console.error(`${file} is stale: run "npm run generate" and commit the result`);
  else {
    writeFileSync(file, make());
    console.log(`wrote ${file}`);
  }
}
if (values.check && stale.length > 0) process.exit(1);

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
