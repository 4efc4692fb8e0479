#!/bin/sh
# Runs every browser test against a built server: tests/browser/run.sh target/debug/parlor
# Needs node, npm and chromium on the path.
set -eu

if [ $# -lt 1 ] || [ ! -x "$1" ]; then
    echo "usage: $0 PARLOR-BINARY [TEST-FILE...]" >&2
    exit 2
fi
PARLOR_BINARY=$(realpath "$1")
CHROMIUM=$(command -v chromium)
export PARLOR_BINARY CHROMIUM
shift

cd "$(dirname "$0")"
# Nothing to fetch if what the lock file names is there already.
if ! cmp -s package-lock.json node_modules/.installed; then
    npm ci --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/.installed
fi
[ $# -gt 0 ] || set -- ./*.test.js
# One file at a time: the tests have deadlines, and each file has a browser of its own. The limit is for a whole file.
exec node --test --test-concurrency=1 --test-timeout=300000 "$@"
