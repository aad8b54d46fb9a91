/**
 * The script of the step `python`, put together from fixed pieces: each feature a spec uses adds its own, so that a
 * new one never changes the script of those who do not use it.
 *
 * It reads, as far as its pieces do: version.txt (empty: any Python), interpreter.txt (spec.pythonExec),
 * requirements.txt (packages; empty: none), main.txt (path of spec.requirements in the source), arguments.txt (of
 * uv pip install, one a line), lock.txt (of the tool that reads the lock file, one a line), owner.txt (who is to own the
 * environment).
 */
import type { RequirementsKind } from '../inputs.ts';
import { END_OF_TRUST, ONE_STREAM, TRUST } from './v1-scripts.ts';

/** Versions of the tool that reads poetry.lock. Part of what recipe v1 means. */
const POETRY = 'poetry==2.1.4';
const POETRY_EXPORT = 'poetry-plugin-export==1.9.0';

/** What of the script a spec needs. */
export interface PythonUse {
  /** The interpreter is named (spec.pythonExec) or conda's, not looked for. */
  readonly interpreter?: 'named' | 'conda';
  readonly packages: boolean;
  readonly requirements?: RequirementsKind;
  /** arguments.txt is there. */
  readonly arguments: boolean;
  /** NVIDIA's libraries are among the packages. */
  readonly cuda: boolean;
  /** owner.txt is there. */
  readonly owner: boolean;
}

const BEGIN = `${ONE_STREAM}here=/run/imagespec/python
uv=/run/imagespec-uv
venv=/opt/venv
wanted=$(cat "$here/version.txt")

version_of() {
  command -v "$1" >/dev/null 2>&1 || return 0
  "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null || true
}
fits() {
  case "$1" in "$wanted" | "$wanted".*) return 0 ;; esac
  [ -z "$wanted" ]
}
chosen=
found=
`;

/** On PATH, but for a base image with an environment of an earlier recipe: packages go on top of those in it. */
const ANY = `if [ -x "$venv/bin/python" ]; then
  candidates="$venv/bin/python"
else
  minor=$(echo "$wanted" | cut -d. -f1,2)
  candidates="\${minor:+python$minor} python3 python"
fi
`;

const NAMED = `candidates=$(cat "$here/interpreter.txt")
`;

/** Conda's own, if its packages brought one. */
const CONDA = `minor=$(echo "$wanted" | cut -d. -f1,2)
candidates="/opt/conda/bin/python \${minor:+python$minor} python3 python"
`;

const CHOOSE = `for candidate in $candidates; do
  version=$(version_of "$candidate")
  if [ -n "$version" ]; then
    case " $found " in *" $version "*) ;; *) found="$found $version" ;; esac
    if fits "$version"; then chosen=$candidate; break; fi
  fi
done
if [ -z "$chosen" ]; then
`;

const NOT_IN_BASE = `  echo "imagespec: PythonNotFound: the base image has no Python\${wanted:+ $wanted} (found:\${found:- none})" >&2
  exit 64
fi
`;

const NOT_AS_NAMED = `  echo "imagespec: PythonNotFound: $candidates of the base image (spec.pythonExec) is no Python\${wanted:+ $wanted} (found:\${found:- none})" >&2
  exit 64
fi
`;

const ENVIRONMENT = `if [ -f /run/imagespec-trust.crt ]; then export SSL_CERT_FILE=/run/imagespec-trust.crt GIT_SSL_CAINFO=/run/imagespec-trust.crt; fi
export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_CONFIG=1 UV_CACHE_DIR=/var/cache/imagespec-uv UV_NO_PROGRESS=1
`;

/** What uv writes down of indexes and tools is not for the image either. */
const ASIDE = `export UV_CREDENTIALS_DIR="$UV_CACHE_DIR/credentials" UV_TOOL_DIR="$UV_CACHE_DIR/tools"
`;

const VENV = `if [ ! -x "$venv/bin/python" ]; then
  "$uv" venv --quiet --seed --system-site-packages --python "$(command -v "$chosen")" "$venv"
fi
`;

/** One of the base image is kept only if it stands on the same interpreter. */
const VENV_ON_CHOSEN = `if [ "$(readlink -f "$venv/bin/python")" != "$(readlink -f "$(command -v "$chosen")")" ]; then
  "$uv" venv --quiet --clear --seed --system-site-packages --python "$(command -v "$chosen")" "$venv"
fi
`;

/** Appends a file's lines to the positional parameters, where no character of them means anything. */
const append = (file: string) =>
  `while IFS= read -r line; do set -- "$@" "$line"; done <"$here/${file}"
`;

/** uv pip install of some files, with what the positional parameters hold. */
const install = (...files: string[]) =>
  `"$uv" pip install --python "$venv/bin/python" "$@"${files.map((file) => ` --requirement "${file}"`).join('')}\n`;

const MAIN = `main=/run/imagespec/requirements/$(cat "$here/main.txt")
`;

/** Of the lock file and the pyproject.toml it was made from. */
const PROJECT = `project=$(dirname "$main")
`;

/** Indexes named in pyproject.toml are part of what uv.lock says; what the environment holds already stays. */
const uvLock = (uvArguments: string) => `set --
${uvArguments}${append('lock.txt')}(
  unset UV_NO_CONFIG
  export VIRTUAL_ENV="$venv" TMPDIR="$UV_CACHE_DIR/tmp"
  mkdir -p "$TMPDIR"
  "$uv" sync --project "$project" --active --inexact --locked --no-dev --no-install-project --python "$venv/bin/python" "$@"
)
`;

/**
 * poetry says what is locked, uv installs it: so indexes, secrets and caches are the same as for everything else.
 * Each line has its hashes; from which index it comes makes no difference.
 */
const poetryLock = (uvArguments: string) => `locked=/run/imagespec-locked.txt
set -- "$uv" tool run --python "$venv/bin/python"
${uvArguments}set -- "$@" --from ${POETRY} --with ${POETRY_EXPORT} poetry export --directory "$project" --no-interaction --format requirements.txt --output "$locked"
${append('lock.txt')}UV_COMPILE_BYTECODE=0 POETRY_CACHE_DIR="$UV_CACHE_DIR/poetry" "$@"
set --
${uvArguments}"$uv" pip install --python "$venv/bin/python" "$@" --index-strategy unsafe-best-match --requirement "$locked"
rm -f "$locked"
`;

/** The libraries where the dynamic linker is told to look. */
const CUDA = `mkdir -p /opt/cuda/lib64
for library in "$venv"/lib/python*/site-packages/nvidia/*/lib/*.so*; do
  if [ ! -e "$library" ]; then
    echo "imagespec: PackageNotFound: the packages of CUDA (spec.cuda) hold no libraries for this platform" >&2
    exit 64
  fi
  ln -sf "$library" /opt/cuda/lib64/
done
`;

const OWNER = `chown -R "$(cat "$here/owner.txt")" "$venv"
`;

/** The script of the step `python`. */
export function pythonScript(use: PythonUse): string {
  const search = { named: NAMED, conda: CONDA, any: ANY }[use.interpreter ?? 'any'];
  const notFound = use.interpreter === 'named' ? NOT_AS_NAMED : NOT_IN_BASE;
  const choose = `${BEGIN}${search}${CHOOSE}${notFound}`;
  const begin = `${TRUST}${ENVIRONMENT}`;
  if (!use.interpreter && !use.requirements && !use.arguments && !use.cuda && !use.owner) {
    // The first form of v1, in use since its first release.
    const packages = `"$uv" pip install --python "$venv/bin/python" --requirement "$here/requirements.txt"\n`;
    return `${choose}if [ -s "$here/requirements.txt" ]; then\n${indented(`${begin}${VENV}${packages}${END_OF_TRUST}`)}fi\n`;
  }
  if (!use.packages && !use.requirements) return choose;
  const more = `${use.cuda ? CUDA : ''}${use.owner ? OWNER : ''}`;
  const venv = use.interpreter ? VENV_ON_CHOSEN : VENV;
  return `${choose}${begin}${ASIDE}${venv}${installing(use)}${more}${END_OF_TRUST}`;
}

function installing(use: PythonUse): string {
  const uvArguments = use.arguments ? append('arguments.txt') : '';
  const packages = use.packages ? ['$here/requirements.txt'] : [];
  // A lock says everything; only NVIDIA's libraries, which are no user's, go on top of it.
  const start = `set --\n${uvArguments}`;
  const onTop = use.packages ? `${start}${install(...packages)}` : '';
  switch (use.requirements) {
    case undefined:
      return `${start}${install(...packages)}`;
    case 'uv.lock':
      return `${MAIN}${PROJECT}${uvLock(uvArguments)}${onTop}`;
    case 'poetry.lock':
      return `${MAIN}${PROJECT}${poetryLock(uvArguments)}${onTop}`;
    default:
      return `${MAIN}${start}${install('$main', ...packages)}`;
  }
}

const indented = (text: string) => text.replace(/^(?=.)/gm, '  ');
