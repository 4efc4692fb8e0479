#!/bin/sh
# Checks the types of the pages, lints them, and runs their tests that need no browser: tests/pages/run.sh
# Needs node and npm on the path.
set -eu

cd "$(dirname "$0")"
# Nothing to fetch if what the lock file names is there already.
if ! cmp -s package-lock.json node_modules/.installed; then
    npm ci --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/.installed
fi
node_modules/.bin/tsc --project .
# From the top: eslint looks at no file above its folder.
(cd ../.. && tests/pages/node_modules/.bin/eslint --config tests/pages/eslint.config.js --max-warnings 0 static tests/pages tests/browser)
exec node --test
