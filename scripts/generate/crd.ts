/**
 * The CustomResourceDefinition, made from the zod schema of `src/api`.
 *
 * Kubernetes wants a structural schema: one plain type everywhere, no `additionalProperties: false`
 * beside properties. Patterns leave, because each comes with a CEL rule that also says what to write.
 */
import { stringify } from 'yaml';
import { z } from 'zod';
import { specSchema } from '../../src/api/image-spec.ts';
import { GROUP, KIND, PLURAL, VERSION } from '../../src/api/names.ts';
import { statusSchema } from '../../src/api/status.ts';

type Schema = Record<string, unknown>;

/** The CRD as YAML text, ending in a newline. */
export function crdYaml(): string {
  return `# Generated from src/api by "npm run generate"; do not edit.\n${stringify(crd(), { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })}`;
}

/** The CRD as an object. */
export function crd(): Schema {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${PLURAL}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: KIND,
        listKind: `${KIND}List`,
        plural: PLURAL,
        singular: 'imagespec',
        shortNames: ['ispec', 'imgspec'],
        categories: ['imagespec'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          selectableFields: [{ jsonPath: '.spec.registry' }, { jsonPath: '.status.specHash' }],
          schema: { openAPIV3Schema: root() },
        },
      ],
    },
  };
}

const condition = (field: string) => `.status.conditions[?(@.type=="Ready")].${field}`;
const columns = [
  { name: 'Ready', type: 'string', jsonPath: condition('status') },
  { name: 'Reason', type: 'string', jsonPath: condition('reason') },
  { name: 'Image', type: 'string', jsonPath: '.status.image' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  { name: 'Digest', type: 'string', jsonPath: '.status.digest', priority: 1 },
  { name: 'Message', type: 'string', jsonPath: condition('message'), priority: 1 },
];

function root(): Schema {
  return {
    description:
      'ImageSpec names what a container image must contain; the operator sees to it that the image exists. status.resolvedImage holds it, pinned by digest.',
    type: 'object',
    required: ['spec'],
    'x-kubernetes-validations': [
      {
        rule: 'self.metadata.name.size() <= 63',
        message: 'choose a name of at most 63 characters',
      },
    ],
    properties: {
      apiVersion: { type: 'string', description: 'imagespec.dev/v1alpha1' },
      kind: { type: 'string', description: 'ImageSpec' },
      metadata: { type: 'object' },
      ...crdSchema(),
    },
  };
}

/** The schemas of spec and status, as the API server has them. */
export function crdSchema(): { spec: Schema; status: Schema } {
  return {
    spec: structural(specSchema),
    status: { ...structural(statusSchema), default: { observedGeneration: -1 } },
  };
}

function structural(schema: z.ZodType): Schema {
  return z.toJSONSchema(schema, {
    target: 'openapi-3.0',
    io: 'input',
    override: ({ jsonSchema }) => {
      const node = jsonSchema as Schema;
      if (node.properties || node['x-kubernetes-preserve-unknown-fields']) delete node.additionalProperties;
      if (node['x-kubernetes-validations']) delete node.pattern;
      if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
      if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
    },
  }) as Schema;
}
