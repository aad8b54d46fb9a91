/** docs/settings.md, made from the settings' schema: every field, its default and what it is for. */
import { z } from 'zod';
import { settingsSchema } from '../../src/settings.ts';

interface Node {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly required?: readonly string[];
}

const HEAD = `<!-- Generated from src/settings.ts by "npm run generate"; do not edit. -->
# Settings of the operator

One YAML file, \`settings.yaml\` of your overlay ([operations.md](operations.md#install)); it becomes a ConfigMap whose name
carries a hash of its content, so changed settings roll the operator. Every field has a default, so an empty file is good. A
file that does not fit stops the start and says which line to change; \`imagespec validate --settings FILE\` says it before.

\`\`\`yaml
defaults:
  registry: ghcr.io/acme            # for ImageSpecs that name none
registries:
  - host: localhost:5001            # as users write it
    endpoint: http://kind-registry:5000   # as the cluster reaches it
concurrency:
  builds: 4
\`\`\`

| field | default | meaning |
|---|---|---|
`;

const TAIL = `
\`noProxy\` takes names and addresses, no ranges. Mirrors are asked by BuildKit when it pulls base images;
the operator itself asks the registry.

\`dockerConfigFile\` is a file in the operator's pod, read when it starts. Mount a Secret for it in your overlay:

\`\`\`yaml
# kubectl -n imagespec-system create secret docker-registry operator-registries --docker-server=… --docker-username=… --docker-password=…
patches:
  - target: { kind: Deployment, name: imagespec-operator }
    patch: |
      - { op: add, path: /spec/template/spec/volumes/-, value: { name: registries, secret: { secretName: operator-registries } } }
      - { op: add, path: /spec/template/spec/containers/0/volumeMounts/-, value: { name: registries, mountPath: /etc/registries, readOnly: true } }
# and in settings.yaml: dockerConfigFile: /etc/registries/.dockerconfigjson
\`\`\`
`;

/** The page as Markdown, ending in a newline. */
export function settingsPage(): string {
  const schema = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' }) as Node;
  return `${HEAD}${rows(schema, '', settingsSchema.parse({})).join('\n')}\n${TAIL}`;
}

/** @param given what the fields are when nobody sets them */
function rows(node: Node, path: string, given: unknown): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const value = (given as Record<string, unknown> | undefined)?.[name];
    const list = child.items?.properties !== undefined;
    const inner = list ? child.items : child.properties ? child : undefined;
    const here = `${path}${name}${list ? '[]' : ''}`;
    const own =
      inner && child.description === undefined ? [] : [row(here, child, inner && !list ? undefined : value)];
    return inner ? [...own, ...rows(inner, `${here}.`, list ? undefined : value)] : own;
  });
}

function row(path: string, node: Node, value: unknown): string {
  const fallback = value ?? node.default;
  const shown = fallback === undefined ? '–' : `\`${JSON.stringify(fallback)}\``;
  const values = node.enum ? ` (${node.enum.join(', ')})` : '';
  return `| \`${path}\` | ${shown} | ${(node.description ?? '').replaceAll('|', '\\|')}${values} |`;
}
