/**
 * The fixed shell of recipe v1, one script a step. Part of what recipe v1 means: never changed, only
 * followed by a v2.
 *
 * A line `imagespec: Reason: sentence` is a verdict of our own; the engine's `explain` reads it.
 */

/** Reads packages.txt. Lists and archives live in a cache mount, so nothing of them stays in the image. */
export const APT_SCRIPT = `here=/run/imagespec/apt
cache=/var/cache/imagespec-apt
ca=/run/imagespec-ca.crt
if ! command -v apt-get >/dev/null 2>&1; then
  echo "imagespec: BuildFailed: aptPackages need a Debian or Ubuntu base image; this one has no apt-get" >&2
  exit 64
fi
export DEBIAN_FRONTEND=noninteractive
mkdir -p "$cache/archives/partial" "$cache/lists/partial"
set -- -qq -o "Dir::Cache::Archives=$cache/archives" -o "Dir::State::Lists=$cache/lists" -o Acquire::Retries=3 -o APT::Update::Error-Mode=any -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0
if [ -f "$ca" ]; then set -- "$@" -o "Acquire::https::CAInfo=$ca"; fi
apt-get "$@" update
xargs -a "$here/packages.txt" apt-get "$@" install --yes --no-install-recommends --
rm -rf /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old
`;

/** Reads version.txt (empty: any Python) and requirements.txt (empty: only the version is checked). */
export const PYTHON_SCRIPT = `here=/run/imagespec/python
uv=/run/imagespec-uv
venv=/opt/venv
ca=/run/imagespec-ca.crt
wanted=$(cat "$here/version.txt")
if [ -f "$ca" ]; then export SSL_CERT_FILE="$ca" GIT_SSL_CAINFO="$ca"; fi

versions_of() {
  for python in "$@"; do
    if command -v "$python" >/dev/null 2>&1; then
      "$python" -c 'import platform; print(platform.python_version())' 2>/dev/null || true
    fi
  done
}
fits() {
  case "$1" in "$wanted" | "$wanted".*) return 0 ;; esac
  [ -z "$wanted" ] && [ -n "$1" ]
}
chosen=
found=
if [ -x "$venv/bin/python" ]; then
  candidates="$venv/bin/python"
else
  minor=$(echo "$wanted" | cut -d. -f1,2)
  candidates="\${minor:+python$minor} python3 python"
fi
for candidate in $candidates; do
  version=$(versions_of "$candidate")
  if [ -n "$version" ]; then
    case " $found " in *" $version "*) ;; *) found="$found $version" ;; esac
    if fits "$version"; then chosen=$candidate; break; fi
  fi
done
if [ -z "$chosen" ]; then
  echo "imagespec: PythonNotFound: the base image has no Python\${wanted:+ $wanted} (found:\${found:- none})" >&2
  exit 64
fi
if [ -s "$here/requirements.txt" ]; then
  export UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_NO_CONFIG=1 UV_CACHE_DIR=/var/cache/imagespec-uv UV_NO_PROGRESS=1
  if [ ! -x "$venv/bin/python" ]; then "$uv" venv --quiet --python "$(command -v "$chosen")" "$venv"; fi
  "$uv" pip install --python "$venv/bin/python" --requirement "$here/requirements.txt"
fi
`;

/** Runs commands.sh, the user's own lines, with the build's certificates at hand. */
export const COMMANDS_SCRIPT = `ca=/run/imagespec-ca.crt
if [ -f "$ca" ]; then
  export SSL_CERT_FILE="$ca" CURL_CA_BUNDLE="$ca" REQUESTS_CA_BUNDLE="$ca" PIP_CERT="$ca" GIT_SSL_CAINFO="$ca" NODE_EXTRA_CA_CERTS="$ca"
fi
exec sh -e /run/imagespec/commands/commands.sh
`;
