#!/bin/sh
# Runs every browser test against a built server: tests/browser/run.sh target/debug/parlor
# With --measure, measures the page of one or more built servers instead.
# Needs node, npm and chromium on the path.
set -eu

measure=
if [ "${1:-}" = --measure ]; then
    measure=1
    shift
fi
if [ $# -lt 1 ] || [ ! -x "$1" ]; then
    echo "usage: $0 PARLOR-BINARY [TEST-FILE...], or $0 --measure PARLOR-BINARY [ANOTHER-BINARY...]" >&2
    exit 2
fi
PARLOR_BINARY=$(realpath "$1")
CHROMIUM=$(command -v chromium)
export PARLOR_BINARY CHROMIUM
if [ "$measure" ]; then
    for binary; do
        shift
        set -- "$@" "$(realpath "$binary")"
    done
else
    shift
fi

cd "$(dirname "$0")"
# Nothing to fetch if what the lock file names is there already.
if ! cmp -s package-lock.json node_modules/.installed; then
    npm ci --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/.installed
fi
[ -z "$measure" ] || exec node measure.js "$@"
[ $# -gt 0 ] || set -- ./*.test.js
# One file at a time: the tests have deadlines, and each file has a browser of its own. The limit is for a whole file.
exec node --test --test-concurrency=1 --test-timeout=300000 "$@"
