#!/bin/sh
# Sees to it that tools are there, from Debian's packages; where that can't be done, says the one line
# that does it.
set -eu
cd "$(dirname "$0")"

# The browser tests and the clients need this Node.js.
NODE=20
# Debian keeps servers where not everybody looks for programs.
PATH=$PWD/target/tools/node_modules/node/bin:$PATH:/usr/sbin:/sbin

node_is_new() {
  version=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/')
  [ "${version:-0}" -ge $NODE ] && command -v npm >/dev/null 2>&1
}

has() {
  case $1 in
    # An older one is made up for below.
    node) command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 ;;
    python) command -v python3 >/dev/null 2>&1 ;;
    venv) python3 -c 'import venv, ensurepip' >/dev/null 2>&1 ;;
    # Debian keeps the programs of each version apart.
    postgres) ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 ;;
    mariadb) command -v mariadbd >/dev/null 2>&1 ;;
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
    node) echo nodejs npm ;;
    chromium) echo chromium fonts-noto-core fonts-noto-color-emoji ;;
    postgres) echo postgresql ;;
    mariadb) echo mariadb-server ;;
    nginx) echo nginx-light ;;
    *) echo "$1" ;;
  esac
}

# Puts those of the tools that are not there into `missing`, and their packages into `wanted`.
look() {
  missing= wanted=
  for tool in "$@"; do
    has "$tool" || { missing="$missing $tool" wanted="$wanted $(packages "$tool")"; }
  done
}

if ! command -v cargo >/dev/null 2>&1; then
  echo "cargo is missing: https://rustup.rs says how a Rust toolchain is installed" >&2
  exit 1
fi
# Debian's own is older than what the sources need, and says so in words about editions.
needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
found=$(rustc --version | sed 's/^rustc \([0-9.]*\).*/\1/')
if [ "$(printf '%s\n' "$needed" "$found" | sort -V | head -n 1)" != "$needed" ]; then
  echo "Rust $needed or newer is needed, and this is $found: rustup update stable" >&2
  exit 1
fi

look "$@"
if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing$wanted; this takes a minute or two"
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  # A server that comes with its package is not started: the tests start their own.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
  fi
  { apt-get update && apt-get install -y --no-install-recommends $wanted; } >"$log" 2>&1 || tail -n 5 "$log" >&2
  rm -f "$log"
  look "$@"
fi
if [ -n "$missing" ]; then
  echo "missing:$missing. This mends it:" >&2
  echo "  sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends$wanted'" >&2
  exit 1
fi

# For a Debian with an older Node.js: the npm registry has it as a package.
case " $* " in *" node "*)
  if ! node_is_new; then
    echo "installing Node.js 22 into target/tools"
    npm install --prefix target/tools --no-audit --no-fund --loglevel=error node@22
  fi ;;
esac
