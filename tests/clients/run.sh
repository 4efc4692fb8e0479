#!/bin/sh
# Tests a built server with clients that others wrote: tests/clients/run.sh target/debug/parlor
# Needs python3 with venv, node 20 with npm and curl on the path, the package registries, and the built
# examples beside the server.
set -eu
[ $# = 1 ] || { echo "usage: $0 BINARY" >&2; exit 2; }
PARLOR=$(realpath "$1")
EXAMPLES=$(dirname "$PARLOR")/examples
export PARLOR EXAMPLES
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=$root/target/clients/venv
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
say() { printf '\n== %s\n' "$*"; }

say "installing the clients of npm"
cd "$here"
npm ci --ignore-scripts --no-audit --no-fund

say "installing the clients of Python"
if ! cmp -s requirements.txt "$venv/requirements.txt"; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
  cp requirements.txt "$venv/requirements.txt"
fi
PATH=$venv/bin:$PATH
export PATH PYTHONDONTWRITEBYTECODE=1

say "redocly: the document is clean"
REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
  npx --no-install redocly lint --config "$root/openapi/redocly.yaml" "$root/openapi/openapi.json"

say "openapi-typescript, orval, hey-api, openapi-python-client, datamodel-codegen, openapi-generator: generating"
"$PARLOR" openapi >"$temp/openapi.json"
cp generated.test.mts generators.test.mts server.mjs server.d.mts tsconfig.json package.json "$temp"
ln -s "$here/node_modules" "$temp/node_modules"
npx --no-install openapi-typescript "$temp/openapi.json" --output "$temp/schema.ts"
npx --no-install orval --input "$temp/openapi.json" --output "$temp/orval.ts" --client fetch
npx --no-install openapi-ts --input "$temp/openapi.json" --output "$temp/hey" --client @hey-api/client-fetch \
  --silent --no-log-file
npx --no-install tsc --project "$temp"
openapi-python-client generate --path "$temp/openapi.json" --meta none --output-path "$temp/parlor_client" \
  --fail-on-warning
datamodel-codegen --input "$temp/openapi.json" --input-file-type openapi --output "$temp/parlor_models.py" \
  --output-model-type pydantic_v2.BaseModel --formatters builtin
# Quiet: it says a line for each of a hundred files.
openapi-generator-cli generate --input-spec "$temp/openapi.json" --generator-name python --output "$temp/generated" \
  --package-name parlor_generated >/dev/null
mv "$temp/generated/parlor_generated" "$temp"

say "eventsource, WebSocket, openapi-fetch, orval, hey-api"
node --experimental-websocket --test --test-timeout=60000 eventsource.test.mjs ticket.test.mjs websocket.test.mjs "$temp/generated.test.mjs" "$temp/generators.test.mjs"

say "httpx-sse, requests, sseclient-py, requests-sse, websockets, aiohttp, openapi-python-client, datamodel-codegen, openapi-generator, the examples, schemathesis"
PYTHONPATH=$temp pytest -p no:cacheprovider --durations=3 -v "$here"
say "all passed"
