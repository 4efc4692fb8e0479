#!/bin/sh
# Runs a command beside a database server of its own: run.sh postgres|mariadb COMMAND...
#
# The command finds the server's address in TEST_DATABASE_URL. The server listens on a free port and keeps
# its data in a temporary folder; both are gone at the end, however the command ends.
set -eu
here=$(dirname "$0")
kind=$1
shift

folder=$(mktemp -d)
# The server runs as another user, who has to reach its part of it.
chmod 755 "$folder"
server=

finish() {
  [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT TERM

is_up() {
  case $kind in
    postgres) pg_isready -q -h 127.0.0.1 -p "$port" ;;
    mariadb) mariadb-admin --no-defaults -h 127.0.0.1 -P "$port" -u parlor -psecret ping >/dev/null 2>&1 ;;
  esac
}

start() {
  # Below those that the system gives to outgoing connections.
  port=$(shuf -i 20000-32000 -n 1)
  "$here/serve.sh" "$kind" "$folder" "$port" >"$folder/log" 2>&1 &
  server=$!
  for _ in $(seq 600); do
    # Gone: the port was taken, most likely.
    kill -0 "$server" 2>/dev/null || return 1
    is_up && return 0
    sleep 0.1
  done
  return 1
}

start || start || start || { cat "$folder/log" >&2; echo "the $kind server did not start" >&2; exit 1; }
case $kind in
  postgres) export TEST_DATABASE_URL="postgres://parlor:secret@127.0.0.1:$port/postgres" ;;
  mariadb) export TEST_DATABASE_URL="mysql://parlor:secret@127.0.0.1:$port/mysql" ;;
esac
"$@"
