/**
 * Recipe v1: an effective spec as a Dockerfile and the files its steps read.
 *
 * The same input gives the same text for ever; golden files hold it. No user string stands in the
 * Dockerfile or on a shell line: package names and commands are files, values of env and labels are
 * build arguments, the entrypoint is a JSON array, everything else is held to a grammar without `$`,
 * quotes and spaces. Order: base, apt, conda and Python with their packages, env, copied files, commands,
 * entrypoint and labels.
 */

import type { EffectiveSpec } from '../effective.ts';
import { ARGUMENTS, FOLDERS, type Options, type Recipe, type Tool } from './contract.ts';
import { asLines, type Dockerfile, dockerfileIn, jsonArray } from './dockerfile.ts';
import { CONDA_BASE_SCRIPT, CONDA_INSTALL, CONDA_SCRIPT, condaPlatform } from './v1-conda.ts';
import { FLYTEKIT_SCRIPT } from './v1-flytekit.ts';
import { pythonScript } from './v1-python.ts';
import { APT_SCRIPT, COMMANDS_SCRIPT } from './v1-scripts.ts';

/** The tool images of recipe v1 when the Dockerfile is built by hand; the operator names its own. */
const DEFAULT_IMAGES: Readonly<Record<Tool, string>> = {
  uv: 'ghcr.io/astral-sh/uv:0.12.5',
  conda: 'python:3.12-slim',
};

/** What the tools' images are made for; elsewhere the ones of the machine that builds do the work. */
const TOOL_PLATFORMS = ['linux/amd64', 'linux/arm64'];

/** What a spec comes to, as far as several steps ask. */
interface Plan {
  readonly spec: EffectiveSpec;
  /** What uv installs beside the requirements. */
  readonly packages: readonly string[];
  /** There will be an environment at /opt/venv. */
  readonly venv: boolean;
  readonly conda: boolean;
  /** uid:gid of who owns the environment, under profile Flytekit. */
  readonly owner?: string;
}

/** Renders recipe v1. */
export function recipeV1(spec: EffectiveSpec, specHash: string, options: Options): Recipe {
  const file = dockerfileIn(options);
  const plan = planOf(spec);
  const tools: Tool[] = [
    ...(plan.venv || plan.conda ? (['uv'] as const) : []),
    ...(plan.conda ? (['conda'] as const) : []),
  ];
  stages(file, plan, tools, options);
  if (spec.aptPackages.length > 0) apt(file, spec);
  if (plan.owner !== undefined) {
    file.step({ folder: 'flytekit', script: FLYTEKIT_SCRIPT, files: { 'owner.txt': `${plan.owner}\n` } });
  }
  if (plan.conda) {
    if (!isDefaultBase(spec)) file.step({ folder: 'base', script: CONDA_BASE_SCRIPT, files: {} });
    file.lines.push('COPY --from=imagespec-conda --chown=0:0 /opt/conda /opt/conda');
  }
  if (plan.venv || checksPython(spec)) python(file, plan);
  environment(file, plan);
  // As the final user, who is to own a directory that is made here.
  file.lines.push(
    `ARG ${ARGUMENTS.user}=${spec.user ?? '0:0'}`,
    `USER \${${ARGUMENTS.user}}`,
    `WORKDIR ${spec.workdir}`,
  );
  if (spec.source?.copied) {
    const folder = spec.workdir === '/' ? '/' : `${spec.workdir}/`;
    file.lines.push(`COPY --chown=\${${ARGUMENTS.user}} ${FOLDERS.source}/ ${folder}`);
  }
  if (spec.commands.length > 0) commands(file, spec);
  if (spec.entrypoint !== undefined) {
    file.lines.push(`ENTRYPOINT ${jsonArray(spec.entrypoint)}`, 'CMD []');
  }
  if (spec.flytekitId !== undefined) {
    file.lines.push(`ENV _F_IMG_ID="\${${file.argument(spec.flytekitId)}}"`);
  }
  if (options.dialect === 'BuildKit') {
    const pairs = Object.keys(spec.labels)
      .sort()
      .map((name) => `${name}="\${${file.argument(spec.labels[name] as string)}}"`);
    file.lines.push(`LABEL ${[...pairs, `imagespec.dev/spec-hash=${specHash}`].join(' ')}`);
  }
  const { files, args } = file;
  return {
    dockerfile: asLines(file.lines),
    files,
    args,
    tools,
    // Kaniko expands the values of labels once more, where it takes them from a cache.
    labels: options.dialect === 'Plain' ? { ...spec.labels, 'imagespec.dev/spec-hash': specHash } : {},
  };
}

function planOf(spec: EffectiveSpec): Plan {
  const packages = [...spec.packages, ...cudaPackages(spec)];
  const user = spec.user ?? '';
  return {
    spec,
    packages,
    venv: packages.length > 0 || spec.source?.requirements !== undefined,
    conda: spec.condaPackages.length > 0,
    ...(spec.profile === 'Flytekit' ? { owner: user.includes(':') ? user : `${user}:${user}` } : {}),
  };
}

/**
 * NVIDIA's libraries as its own metapackage pins them for a release of CUDA; their own versions differ from CUDA's.
 * cuDNN has its own releases, made for one major version of CUDA.
 */
function cudaPackages({ cuda, cudnn }: EffectiveSpec): string[] {
  if (cuda === undefined) return [];
  const major = cuda.split('.')[0];
  return [
    `cuda-toolkit[cublas,cudart,nvrtc]==${cuda}.*`,
    ...(cudnn === undefined ? [] : [`nvidia-cudnn-cu${major}==${cudnn}.*`]),
  ];
}

/** Everything before the first step in the image itself. */
function stages(file: Dockerfile, { spec, conda }: Plan, tools: readonly Tool[], options: Options): void {
  const native = TOOL_PLATFORMS.includes(spec.platforms[0] as string) ? '' : '--platform=$BUILDPLATFORM ';
  // The plain dialect has uv as a file: a further stage would make Kaniko unpack the base for every build.
  const images = options.dialect === 'BuildKit' ? tools : tools.filter((tool) => tool === 'conda');
  file.lines.push(`ARG ${ARGUMENTS.base}=${spec.baseImage}`);
  for (const tool of images) file.lines.push(`ARG ${ARGUMENTS[tool]}=${DEFAULT_IMAGES[tool]}`);
  for (const tool of images) {
    file.lines.push(`FROM ${native}\${${ARGUMENTS[tool]}} AS imagespec-${tool}`);
  }
  // The last of them, so that its step follows.
  if (conda) {
    file.lines.push('USER 0:0');
    condaStep(file, spec);
  }
  file.lines.push(`FROM \${${ARGUMENTS.base}}`, 'USER 0:0');
}

function condaStep(file: Dockerfile, spec: EffectiveSpec): void {
  const python = spec.pythonVersion === undefined ? [] : [`python=${spec.pythonVersion}`];
  file.step({
    folder: 'conda',
    script: CONDA_SCRIPT,
    files: {
      'install.py': CONDA_INSTALL,
      'packages.txt': asLines([...python, ...spec.condaPackages]),
      'channels.txt': asLines(spec.condaChannels.length > 0 ? spec.condaChannels : ['conda-forge']),
      'platform.txt': `${condaPlatform(spec.platforms[0] as string)}\n`,
      'cuda.txt': asLines(spec.cuda === undefined ? [] : [spec.cuda]),
      'arguments.txt': asLines(indexArguments(spec)),
    },
    uv: true,
    caches: [{ name: 'uv' }, { name: 'conda' }],
    secrets: true,
  });
}

function apt(file: Dockerfile, spec: EffectiveSpec): void {
  file.step({
    folder: 'apt',
    script: APT_SCRIPT,
    files: { 'packages.txt': asLines(spec.aptPackages) },
    caches: [{ name: 'apt', sharing: 'locked' }],
  });
}

/** The default base is named after its Python, and conda brings the one asked for; other bases must show theirs. */
function checksPython(spec: EffectiveSpec): boolean {
  const asked = spec.pythonVersion !== undefined && !isDefaultBase(spec);
  return (asked && spec.condaPackages.length === 0) || spec.pythonExec !== undefined;
}

const isDefaultBase = ({ pythonVersion, baseImage }: EffectiveSpec) =>
  baseImage === `python:${pythonVersion}-slim`;

const indexArguments = ({ pipIndex, pipExtraIndexUrls }: EffectiveSpec) => [
  ...(pipIndex === undefined ? [] : ['--index-url', pipIndex]),
  ...pipExtraIndexUrls.flatMap((url) => ['--extra-index-url', url]),
];

function python(file: Dockerfile, { spec, packages, venv, conda, owner }: Plan): void {
  const requirements = spec.source?.requirements;
  const index = indexArguments(spec);
  // These are read by tools of their own, whose arguments are no arguments of uv pip install.
  const lock = requirements?.kind === 'poetry.lock' || requirements?.kind === 'uv.lock';
  const uvArguments = lock ? index : [...index, ...spec.pipExtraArgs];
  const interpreter = spec.pythonExec !== undefined ? 'named' : conda ? 'conda' : undefined;
  file.step({
    folder: 'python',
    script: pythonScript({
      ...(interpreter === undefined ? {} : { interpreter }),
      packages: packages.length > 0,
      ...(requirements === undefined ? {} : { requirements: requirements.kind }),
      arguments: uvArguments.length > 0,
      cuda: spec.cuda !== undefined,
      owner: owner !== undefined,
    }),
    files: {
      'version.txt': `${spec.pythonVersion ?? ''}\n`,
      'requirements.txt': asLines(packages),
      ...(spec.pythonExec === undefined ? {} : { 'interpreter.txt': `${spec.pythonExec}\n` }),
      ...(requirements === undefined ? {} : { 'main.txt': `${requirements.main}\n` }),
      ...(uvArguments.length > 0 ? { 'arguments.txt': asLines(uvArguments) } : {}),
      ...(lock ? { 'lock.txt': asLines(spec.pipExtraArgs) } : {}),
      ...(owner === undefined ? {} : { 'owner.txt': `${owner}\n` }),
    },
    ...(requirements === undefined ? {} : { requirements: requirements.digest }),
    ...(venv ? { uv: true, caches: [{ name: 'uv' }], secrets: true } : {}),
  });
}

function environment(file: Dockerfile, { spec, venv, conda, owner }: Plan): void {
  // As in flytekit's images: the code lies in /root. Before the user's variables, which may say otherwise.
  if (owner !== undefined) file.lines.push('ENV PYTHONPATH="/root"');
  if (spec.env.length > 0) {
    const pairs = spec.env.map(({ name, value }) => `${name}="\${${file.argument(value)}}"`);
    file.lines.push(`ENV ${pairs.join(' ')}`);
  }
  // After the user's variables: a PATH of theirs must not lose the packages.
  const paths = [...(venv ? ['/opt/venv/bin'] : []), ...(conda ? ['/opt/conda/bin'] : [])];
  if (paths.length > 0) file.lines.push(`ENV PATH="${paths.join(':')}:\${PATH}"`);
  if (spec.cuda !== undefined) {
    file.lines.push(`ENV LD_LIBRARY_PATH="/opt/cuda/lib64\${LD_LIBRARY_PATH:+:\${LD_LIBRARY_PATH}}"`);
  }
}

function commands(file: Dockerfile, spec: EffectiveSpec): void {
  file.lines.push('USER 0:0');
  file.step({
    folder: 'commands',
    script: COMMANDS_SCRIPT,
    files: { 'commands.sh': asLines(spec.commands) },
    depends: spec.env.map(({ name, value }) => `${name}\0${value}\0`).join(''),
  });
  file.lines.push(`USER \${${ARGUMENTS.user}}`);
}
