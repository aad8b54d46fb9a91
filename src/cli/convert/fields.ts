/**
 * How every parameter of flytekit's `ImageSpec` carries over to fields of ours, or why it does not.
 *
 * Names and meanings are those of flytekit 1.16.31. Order is that of flytekit's declaration.
 */
import { isMap } from '../documents.ts';
import type { Parameter } from './parameter.ts';

/** Fields of the spec that a parameter becomes; undefined where it becomes none. */
type Carry = (parameter: Parameter) => Record<string, unknown> | undefined;

const asString =
  (field: string): Carry =>
  (parameter) =>
    given(field, parameter.string());

const asStrings =
  (field: string): Carry =>
  (parameter) =>
    given(field, parameter.strings());

const given = (name: string, value: unknown) => (value === undefined ? undefined : { [name]: value });

const carry = {
  name: (parameter) => given('name', parameter.string()?.toLowerCase()),
  python_version: asString('pythonVersion'),
  builder,
  source_root: (parameter) => given('sourceRoot', path(parameter, parameter.string())),
  env,
  registry,
  packages: asStrings('packages'),
  conda_packages: sets('condaPackages'),
  conda_channels: asStrings('condaChannels'),
  requirements: (parameter) => given('requirements', path(parameter, parameter.string())),
  apt_packages: sets('aptPackages'),
  cuda: asString('cuda'),
  cudnn: asString('cudnn'),
  platform,
  pip_index: asString('pipIndex'),
  pip_extra_index_url: asStrings('pipExtraIndexUrls'),
  pip_secret_mounts: secretMounts,
  pip_extra_args: extraArgs,
  registry_config: (parameter) => {
    const advice =
      'a file with logins stays outside: kubectl create secret docker-registry NAME --from-file=.dockerconfigjson=FILE, and name it in pushSecretRef and pullSecretRefs';
    if (parameter.exact) return parameter.refuse(`take it out, because is_container() counts it; ${advice}`);
    parameter.warn(advice);
    return undefined;
  },
  entrypoint: asStrings('entrypoint'),
  commands: (parameter) => {
    const list = parameter.strings();
    if (list && list.length > 0) parameter.warn('they run in workdir; flytekit runs them in /');
    return given('commands', list);
  },
  tag_format: (parameter) => {
    const format = parameter.string();
    if (format !== '{spec_hash}') return given('tagFormat', format);
    parameter.near('this is the default: take it out');
    return undefined;
  },
  source_copy_mode: copyMode,
  copy: (parameter) => {
    const list = parameter.strings();
    return given(
      'copy',
      list?.map((one, index) => path(parameter, one, index)),
    );
  },
  python_exec: asString('pythonExec'),
  runtime_packages: (parameter) => {
    if (!parameter.exact) {
      return parameter.refuse(
        'only Flyte installs packages when a task starts: put them in packages, or convert with --profile Flytekit',
      );
    }
    return given('runtimePackages', parameter.strings());
  },
  builder_options: (parameter) => {
    if (!isMap(parameter.value)) return parameter.refuse('write a mapping');
    if (holdsNull(parameter.value)) parameter.near('kubectl apply drops what is null: leave it out');
    return { builderOptions: parameter.value };
  },
  builder_config: builderConfig,
} satisfies Readonly<Record<string, Carry>>;

/** By name, everything but `base_image`, which may hold another ImageSpec. */
export const CARRY: ReadonlyMap<string, Carry> = new Map(Object.entries(carry));

/** What users of flytekit may look for, but no parameter: with what there is instead. */
export const ELSEWHERE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    force_push: 'it is no parameter: set spec.rebuild to a new number, which builds and pushes once more',
    is_force_push: 'it is no parameter: set spec.rebuild to a new number, which builds and pushes once more',
    dockerfile: 'there is none: the image is what packages, commands and base_image say',
    install_project: 'ImageSpec has no such parameter; copy the project and install it by commands',
  }),
);

function builder(parameter: Parameter) {
  const name = parameter.string();
  if (name === 'noop') return { builder: name };
  if (name === undefined) return undefined;
  parameter.warn(
    `${name} builds on the machine of the user; here the operator's default builder does, unless spec.builder names another`,
  );
  return undefined;
}

function env(parameter: Parameter) {
  const { value } = parameter;
  if (!isMap(value)) return parameter.refuse('write a mapping of names to texts');
  const entries = Object.entries(value).map(([name, text]) => {
    const own = parameter.string(text, [name]);
    if (own?.includes('$'))
      parameter.warn('$ is taken literally; flytekit leaves it to Docker to expand', [name]);
    return { name, value: own };
  });
  return entries.every((entry) => entry.value !== undefined) ? { env: entries } : undefined;
}

function registry(parameter: Parameter) {
  const name = parameter.string()?.toLowerCase();
  if (name !== '') return given('registry', name);
  parameter.near('an empty one is none: take it out, or name one');
  return undefined;
}

/** A list whose order does not matter here; the API server refuses what stands in it twice. */
function sets(field: string): Carry {
  return (parameter) => {
    const list = parameter.strings();
    const once = list && [...new Set(list)];
    if (list && once && once.length < list.length) parameter.near('something is named twice; taken once');
    return given(field, once);
  };
}

function platform(parameter: Parameter) {
  const list = parameter
    .string()
    ?.split(',')
    .map((one) => one.trim());
  return given('platforms', list);
}

const holdsNull = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.values(value).some(holdsNull));

/** Characters that a shell would not take as they are; flytekit leaves the arguments to one. */
const FOR_A_SHELL = /['"\\$`;&|<>()*?[\]{}!#~\n]/;

function extraArgs(parameter: Parameter) {
  const text = parameter.string();
  if (text === undefined) return undefined;
  if (FOR_A_SHELL.test(text)) {
    return parameter.refuse(
      'a shell reads this in flytekit, and none does here: write the arguments without quotes and signs for a shell, or one an entry in spec.pipExtraArgs',
    );
  }
  return { pipExtraArgs: text.split(' ').filter((part) => part !== '') };
}

function secretMounts(parameter: Parameter) {
  const { value } = parameter;
  const pairs = Array.isArray(value) ? value : [];
  if (!Array.isArray(value) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) {
    return parameter.refuse('write a list of pairs: the file with the secret, and where it is to appear');
  }
  const mounts = pairs.map(([source, target], index) => {
    const file = parameter.string(source, [index, 0]) ?? '';
    const where = parameter.string(target, [index, 1]);
    const key =
      file
        .split('/')
        .at(-1)
        ?.replace(/[^-._a-zA-Z0-9]/g, '-') || 'secret';
    parameter.warn(
      `secrets are read from Secrets: kubectl create secret generic pip-secrets --from-file=${key}=${file}`,
      [index],
    );
    return { secretKeyRef: { name: 'pip-secrets', key }, path: where };
  });
  return { pipSecretMounts: mounts };
}

/** By name, because the members of Python's enum cannot be written in YAML. */
function copyMode(parameter: Parameter) {
  const name = String(parameter.value).toUpperCase().replace(/^.*\./, '').replace(/[ -]/g, '_');
  if (name === 'ALL' || name === '2') return { sourceCopyMode: 'All' };
  if (name === 'NO_COPY' || name === 'NONE' || name === '3') return { sourceCopyMode: 'NoCopy' };
  if (name === 'LOADED_MODULES' || name === 'AUTO' || name === '1') return parameter.refuse(LOADED_MODULES);
  return parameter.refuse('write ALL or NO_COPY');
}

export const LOADED_MODULES =
  'the modules that a Python process has loaded are known in that process only: write source_copy_mode: ALL, or name the files in copy';

function builderConfig(parameter: Parameter) {
  if (!isMap(parameter.value)) return parameter.refuse('write a mapping of uv_image and micromamba_image');
  const config: Record<string, string | undefined> = {};
  for (const [key, image] of Object.entries(parameter.value)) {
    if (key === 'uv_image') config.uvImage = parameter.string(image, [key]);
    else if (key !== 'micromamba_image')
      parameter.refuse('there are only uv_image and micromamba_image', [key]);
    else if (parameter.exact) config.micromambaImage = parameter.string(image, [key]);
    else parameter.warn('conda packages are installed by rattler: left out', [key]);
  }
  return { builderConfig: config };
}

/** A relative path as the schema takes it: without ./ before it. */
function path(parameter: Parameter, written: string | undefined, index?: number): string | undefined {
  const at = index === undefined ? [] : [index];
  if (written === undefined || written === './') return written;
  if (/^\/|(^|\/)\.\.(\/|$)/.test(written)) {
    return parameter.refuse('write a path below the folder of --root, relative to it and without ..', at);
  }
  const plain = written.replace(/^(\.\/+)+(?=.)/, '');
  if (plain !== written) parameter.near(`write ${plain}`, at);
  return plain;
}
