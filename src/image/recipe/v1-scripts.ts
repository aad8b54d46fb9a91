/**
 * The fixed shell of recipe v1, one script a step; Python's and conda's are in files of their own. Part of what
 * recipe v1 means: never changed, only followed by a v2.
 *
 * A line `imagespec: Reason: sentence` is a verdict of our own; the engine's `explain` reads it. A step that
 * fails leaves no layer, so only the ways that succeed tidy up.
 */

/** Two pipes would reach the log in any order; the last line is to be the last thing said. */
export const ONE_STREAM = `exec 2>&1
`;

/** Where the operator has additional authorities: the base image's, the public ones and these, as one file. */
export const TRUST = `if [ -f /run/imagespec-ca.crt ]; then
  cat /etc/ssl/certs/ca-certificates.crt /run/imagespec-ca.crt >/run/imagespec-trust.crt 2>/dev/null || true
fi
`;
export const END_OF_TRUST = `rm -f /run/imagespec-trust.crt
`;

/**
 * Reads packages.txt. Lists, archives and apt's own caches are not in the image: they live in a cache mount, or
 * nowhere. Names are names: apt would take one it does not know for a regular expression.
 */
export const APT_SCRIPT = `${ONE_STREAM}here=/run/imagespec/apt
cache=/var/cache/imagespec-apt
if ! command -v apt-get >/dev/null 2>&1; then
  echo "imagespec: BuildFailed: aptPackages need a Debian or Ubuntu base image; this one has no apt-get" >&2
  exit 64
fi
export DEBIAN_FRONTEND=noninteractive
mkdir -p "$cache/archives/partial" "$cache/lists/partial"
${TRUST}set -- -qq -o "Dir::Cache::Archives=$cache/archives" -o "Dir::State::Lists=$cache/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Cmd::Pattern-Only=true -o Acquire::Retries=3 -o APT::Update::Error-Mode=any -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold
if [ -f /run/imagespec-trust.crt ]; then set -- "$@" -o Acquire::https::CAInfo=/run/imagespec-trust.crt; fi
apt-get "$@" update
xargs -a "$here/packages.txt" apt-get "$@" install --yes --no-install-recommends --
rm -rf /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old
${END_OF_TRUST}`;

/**
 * Runs commands.sh, the user's own lines, with the build's certificates at hand where the user named none. No variable
 * of its own: one of the user's might have its name.
 */
export const COMMANDS_SCRIPT = `${ONE_STREAM}${TRUST}if [ -f /run/imagespec-trust.crt ]; then
  set -- /run/imagespec-trust.crt
  export SSL_CERT_FILE="\${SSL_CERT_FILE:-$1}" CURL_CA_BUNDLE="\${CURL_CA_BUNDLE:-$1}" REQUESTS_CA_BUNDLE="\${REQUESTS_CA_BUNDLE:-$1}"
  export PIP_CERT="\${PIP_CERT:-$1}" GIT_SSL_CAINFO="\${GIT_SSL_CAINFO:-$1}" NODE_EXTRA_CA_CERTS="\${NODE_EXTRA_CA_CERTS:-$1}"
fi
sh -e /run/imagespec/commands/commands.sh
${END_OF_TRUST}`;
