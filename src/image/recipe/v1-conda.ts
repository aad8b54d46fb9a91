/**
 * The step `conda`: rattler, from PyPI, chooses the packages and unpacks them into /opt/conda, in a stage of its own.
 *
 * It reads packages.txt, channels.txt, platform.txt, cuda.txt and arguments.txt (indexes for rattler itself), one entry
 * a line. What a package may ask of the machine is the same for every build: Linux with glibc 2.28, which all
 * distributions since 2018 have, and CUDA only where the spec asks for it.
 */
import { END_OF_TRUST, ONE_STREAM, TRUST } from './v1-scripts.ts';

/** Part of what recipe v1 means. */
const RATTLER = 'py-rattler==0.28.0';

/** Conda's names of platforms. */
const PLATFORMS: Readonly<Record<string, string>> = {
  'linux/amd64': 'linux-64',
  'linux/arm64': 'linux-aarch64',
  'linux/386': 'linux-32',
  'linux/arm': 'linux-armv7l',
  'linux/ppc64le': 'linux-ppc64le',
  'linux/s390x': 'linux-s390x',
  'linux/riscv64': 'linux-riscv64',
};

/** Conda's name of `linux/arm64/v8` and others. */
export const condaPlatform = (platform: string) =>
  PLATFORMS[platform.split('/').slice(0, 2).join('/')] as string;

export const CONDA_SCRIPT = `${ONE_STREAM}here=/run/imagespec/conda
uv=/run/imagespec-uv
${TRUST}if [ -f /run/imagespec-trust.crt ]; then export SSL_CERT_FILE=/run/imagespec-trust.crt; fi
export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CONFIG=1 UV_CACHE_DIR=/var/cache/imagespec-uv UV_NO_PROGRESS=1
set --
while IFS= read -r line; do set -- "$@" "$line"; done <"$here/arguments.txt"
"$uv" run --quiet --no-project "$@" --with ${RATTLER} python3 "$here/install.py"
${END_OF_TRUST}`;

/**
 * The step `base`: an environment of an earlier recipe would show through the one that is copied over it, with
 * records of packages that are no longer whole.
 */
export const CONDA_BASE_SCRIPT = `${ONE_STREAM}if [ -e /opt/conda/conda-meta ]; then
  echo "imagespec: BuildFailed: the base image has packages from conda: name those in spec.condaPackages too, and a base without them"
  exit 64
fi
`;

export const CONDA_INSTALL = `import asyncio
import sys
from pathlib import Path

from rattler import BuildString, Client, Gateway, GenericVirtualPackage, MatchSpec, PackageName, Subdir, Version, install, solve
from rattler.exceptions import SolverError
from rattler.networking import AuthenticationMiddleware, OciMiddleware, RetryMiddleware

HERE = Path("/run/imagespec/conda")
CACHE = Path("/var/cache/imagespec-conda")


def lines(name):
    return [line for line in (HERE / name).read_text(encoding="utf-8").split("\\n") if line]


def give_up(reason, sentence):
    print(f"imagespec: {reason}: {sentence}")
    sys.exit(64)


def spec(text):
    try:
        return MatchSpec(text)
    except Exception as error:
        give_up("PackageNotFound", f"{text}: not a conda package as MatchSpec writes them ({' '.join(str(error).split())})")


def machine():
    found = {"__unix": "0", "__linux": "4.18", "__glibc": "2.28"}
    for version in lines("cuda.txt"):
        found["__cuda"] = version
    return [GenericVirtualPackage(PackageName(name), Version(version), BuildString("0")) for name, version in found.items()]


async def main():
    specs = [spec(text) for text in lines("packages.txt")]
    platform = lines("platform.txt")[0]
    client = Client([RetryMiddleware(), AuthenticationMiddleware(), OciMiddleware()])
    try:
        records = await solve(
            lines("channels.txt"),
            specs,
            gateway=Gateway(cache_dir=CACHE / "repodata", client=client),
            platforms=[platform, "noarch"],
            virtual_packages=machine(),
        )
    except SolverError as error:
        give_up("PackageNotFound", " ".join(str(error).split()))
    for record in sorted(records, key=lambda one: one.name.normalized):
        print(record.name.normalized, record.version, record.build)
    await install(
        records,
        "/opt/conda",
        cache_dir=CACHE / "packages",
        platform=Subdir(platform),
        client=client,
        show_progress=False,
    )


try:
    asyncio.run(main())
except Exception as error:
    print(error)
    sys.exit(1)
`;
