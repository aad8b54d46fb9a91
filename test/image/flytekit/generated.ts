/** Arguments of flytekit's ImageSpec as nobody writes them, for comparing our identity with its own. */
import fc from 'fast-check';
import type { Value } from '../../../src/image/flytekit/python.ts';
import type { Arguments } from './arguments.ts';

/** Texts that look like something else, or that Python prints in a way of its own. */
const AWKWARD = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom(
      ...["'", '"', '\\', '\n', '\r', '\t', '\0', '\x7f', '\x80', '\xa0', '\xad', ' ', 'a', '$', '{', '}'],
      ...['\u0378', '\u200b', '\u2028', '\u2029', '\u3000', '\ud800', '\udfff', '\ue000', '\ufeff', '\uffff'],
      ...['é', 'e\u0301', '漢', '😀', '\u{1fae8}', '\u{e0001}', '\u{10ffff}'],
    ),
    maxLength: 10,
  }),
  fc.constantFrom('', '3.10', '3.1', '1e5', 'None', 'True', "['a']", '{}', '{spec_hash}', 'pandas==2.2.3'),
);

/** Any character once in a while, so that all of the table of printable ones is asked about in the end. */
const ONE_CHARACTER = fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code));

const text = fc.oneof({ weight: 6, arbitrary: AWKWARD }, { weight: 1, arbitrary: ONE_CHARACTER });
const list = fc.array(text, { maxLength: 4 });
const fraction = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .filter((value) => !Number.isInteger(value));
const fractionAsWritten = fc.constantFrom(3.11, 3.9, 0.1, 1e-5, 1.5e-7, 0.0001, -2.5e-10, 123456.789);

const dict = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<ReadonlyMap<string, T>> =>
  fc
    .uniqueArray(fc.tuple(text, value), { selector: ([key]) => key, maxLength: 4 })
    .map((pairs) => new Map(pairs));

/** Anything that JSON can say, in any order. */
const { anything } = fc.letrec<{ anything: Value }>((tie) => ({
  anything: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.maxSafeInteger(),
    fraction,
    fractionAsWritten,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('anything'), { maxLength: 3 }),
    dict(tie('anything')),
  ),
}));

const REGISTRIES = [
  ...[
    'ghcr.io/flyteorg',
    'GHCR.io/FlyteOrg',
    'flyteorg',
    '192.168.1.1:30000/myimage',
    'my.registry.com:5000/a_b/c',
  ],
  ...['us-west1-docker.pkg.dev/example.com/my-project/my-repo', 'registry', '-foo', ''],
];

const NO_COPY = { printed: '<CopyFileDetection.NO_COPY: 3>' };

const FIELDS = {
  // Beyond ASCII, JavaScript and Python do not always agree on what is lower case; the schema takes ASCII only.
  name: fc.oneof(fc.constantFrom('Bad Name!', 'FLYTEKIT', 'my-image'), fc.string({ maxLength: 8 })),
  python_version: fc.oneof(fc.constantFrom('3.9', '3.10', '3.12.1'), fractionAsWritten, fraction, text),
  builder: fc.constantFrom('default', 'noop', 'envd'),
  env: dict(text),
  registry: fc.constantFrom(...REGISTRIES),
  packages: list,
  conda_packages: list,
  conda_channels: list,
  requirements: fc.constant(''),
  apt_packages: list,
  cuda: text,
  cudnn: text,
  platform: fc.oneof(fc.constantFrom('linux/amd64', 'linux/arm64'), text),
  pip_index: text,
  pip_extra_index_url: list,
  pip_extra_args: text,
  registry_config: text,
  entrypoint: list,
  commands: list,
  tag_format: fc.constantFrom('{spec_hash}', '{spec_hash}-dev', 'v1_{spec_hash}.{spec_hash}', 'latest', ''),
  // Whatever copies files has its own test, with files.
  source_root: text,
  source_copy_mode: fc.constant(NO_COPY),
  copy: fc.constant([]),
  python_exec: text,
  runtime_packages: list,
  builder_options: dict(anything),
  builder_config: dict(fc.oneof(text, anything)),
};

function given(base: fc.Arbitrary<Value | Arguments>): fc.Arbitrary<Arguments> {
  const fields: { [name: string]: fc.Arbitrary<Value | Arguments> } = { ...FIELDS, base_image: base };
  const sparse = fc
    .subarray(Object.keys(fields), { maxLength: 6 })
    .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, fields[name] ?? base]))));
  const dense = fc.record(fields, { requiredKeys: [] });
  // flytekit takes a source root without a mode for one that copies what Python has loaded.
  return fc
    .oneof(sparse, dense)
    .map((one) => (one.source_root === undefined ? one : { ...one, source_copy_mode: NO_COPY }));
}

const plain = given(text);
const nested = given(fc.oneof(plain, given(fc.oneof(text, plain))));

/** About every third over another ImageSpec, some of those over a third. */
export const someArguments: fc.Arbitrary<Arguments> = fc.oneof(
  { weight: 2, arbitrary: plain },
  { weight: 1, arbitrary: nested },
);
