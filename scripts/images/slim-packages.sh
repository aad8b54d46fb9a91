# Removes from ./node_modules what packages carry for compilers, for readers and for other runtimes.
# The image writer and the Dockerfile both run it, so their images hold the same.
set -eu
find node_modules -type f -regextype posix-extended -regex '.*\.(ts|mts|cts|map|md|markdown|bare)' -delete
rm -f node_modules/.package-lock.json
