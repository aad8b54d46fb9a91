/** What a build pod gives to whoever fetches a source, in a folder of the test's own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { anonymous, type CredentialStore } from '../../src/registry/credentials.ts';
import { RegistryClient } from '../../src/registry/registry-client.ts';
import type { Settings } from '../../src/settings.ts';
import type { Access } from '../../src/source/fetch.ts';

export interface TestAccess extends Access {
  remove(): Promise<void>;
}

export function accessFor(
  options: {
    /** Keys of the Secret of a git source. */
    secret?: Readonly<Record<string, string>>;
    caBundle?: string;
    proxy?: Settings['proxy'];
    registries?: Settings['registries'];
    credentials?: CredentialStore;
  } = {},
): TestAccess {
  const root = mkdtempSync(join(tmpdir(), 'imagespec-access-'));
  const at = (name: string) => join(root, name);
  for (const name of ['auth', 'fetched', 'config-map']) mkdirSync(at(name));
  if (options.secret) {
    mkdirSync(at('git-secret'));
    for (const [key, value] of Object.entries(options.secret)) writeFileSync(at(`git-secret/${key}`), value);
  }
  writeFileSync(at('ca.crt'), [...rootCertificates, options.caBundle ?? ''].join('\n'));
  const registry = new RegistryClient({
    registries: options.registries ?? [],
    credentials: options.credentials ?? anonymous,
    caBundle: options.caBundle,
    proxy: options.proxy,
  });
  return {
    registry,
    caFile: at('ca.crt'),
    proxy: options.proxy,
    configMap: at('config-map'),
    gitSecret: at('git-secret'),
    auth: at('auth'),
    folder: at('fetched'),
    async remove() {
      await registry.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
