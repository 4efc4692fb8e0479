#!/bin/sh
# Sees to it that tools are there, from Debian's packages; where that can't be done, says the one line
# that does it.
set -eu
cd "$(dirname "$0")"

# The browser tests and the clients need this Node.js.
NODE=20

node_is_new() {
  version=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
  [ "${version:-0}" -ge $NODE ] && command -v npm >/dev/null 2>&1
}

has() {
  case $1 in
    node) node_is_new ;;
    python) command -v python3 >/dev/null 2>&1 ;;
    venv) python3 -c 'import venv, ensurepip' >/dev/null 2>&1 ;;
    # The pages are looked at with other scripts and emoji, too.
    chromium) command -v chromium >/dev/null 2>&1 && dpkg -s fonts-noto-core fonts-noto-color-emoji >/dev/null 2>&1 ;;
    *) command -v "$1" >/dev/null 2>&1 ;;
  esac
}

packages() {
  case $1 in
    cc) echo build-essential ;;
    prlimit) echo util-linux ;;
    python) echo python3 ;;
    venv) echo python3-venv ;;
    node) command -v npm >/dev/null 2>&1 || echo nodejs npm ;;
    chromium) echo chromium fonts-noto-core fonts-noto-color-emoji ;;
    *) echo "$1" ;;
  esac
}

missing=
for tool in "$@"; do
  has "$tool" || missing="$missing $(packages "$tool")"
done
missing=$(echo $missing)
if [ -n "$missing" ]; then
  mend="apt-get update && apt-get install -y --no-install-recommends $missing"
  log=$(mktemp)
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing $missing"
    export DEBIAN_FRONTEND=noninteractive
    sh -c "$mend" >"$log" 2>&1 || tail -n 5 "$log" >&2
  fi
  rm -f "$log"
fi

for tool in "$@"; do
  # Where Debian's Node.js is older, the npm registry has it as a package.
  if [ "$tool" = node ] && ! node_is_new && command -v npm >/dev/null 2>&1; then
    echo "installing Node.js 22 into target/tools"
    npm install --prefix target/tools --no-audit --no-fund --loglevel=error node@22
    continue
  fi
  if ! has "$tool"; then
    echo "$tool is missing. This mends it:  sudo sh -c 'apt-get update && apt-get install -y $(packages "$tool")'" >&2
    exit 1
  fi
done
