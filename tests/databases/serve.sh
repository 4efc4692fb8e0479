#!/bin/sh
# Runs a database server of the tests' own in the foreground: serve.sh postgres|mariadb FOLDER PORT.
#
# The folder is made a data directory if it is none, whole or not at all. The server listens on loopback,
# has a user `parlor` with the password `secret` who may do everything, and defaults that Parlor must not
# depend on. It ends when whoever started it ends.
set -eu
kind=$1 folder=$2 port=$3
# Debian keeps servers where not everybody looks for programs.
PATH=$PATH:/usr/sbin

# Servers refuse to run as root.
as_server() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid "$user" --regid "$user" --clear-groups --pdeathsig INT "$@"
  else
    setpriv --pdeathsig INT "$@"
  fi
}

own() {
  [ "$(id -u)" != 0 ] || chown "$user" "$folder"
}

case $kind in
  postgres)
    user=postgres
    # Debian keeps the programs of each version apart.
    bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    own
    if [ ! -e "$folder/data" ]; then
      # The order of the locale is not that of the bytes. The password goes over the line as it is: what a
      # client of a debug build computes otherwise takes longer than most tests.
      printf secret >"$folder/password"
      chmod 644 "$folder/password"
      rm -rf "$folder/new"
      as_server "$bin/initdb" -D "$folder/new" -U parlor --pwfile="$folder/password" --auth=password \
        --encoding=UTF8 --locale=C.UTF-8 --locale-provider=icu --icu-locale=en --no-sync >"$folder/made" 2>&1 ||
        { cat "$folder/made" >&2; exit 1; }
      mv "$folder/new" "$folder/data"
    fi
    set -- "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 \
      -c unix_socket_directories="$folder" -c max_connections=300 -c default_transaction_isolation=serializable
    ;;
  mariadb)
    user=mysql
    own
    if [ ! -e "$folder/data" ]; then
      rm -rf "$folder/new"
      as_server mariadb-install-db --no-defaults --datadir="$folder/new" --auth-root-authentication-method=normal \
        --skip-test-db >"$folder/made" 2>&1 || { cat "$folder/made" >&2; exit 1; }
      cat >"$folder/user.sql" <<SQL
CREATE USER IF NOT EXISTS parlor@'%' IDENTIFIED BY 'secret';
GRANT ALL PRIVILEGES ON *.* TO parlor@'%' WITH GRANT OPTION;
SQL
      chmod 644 "$folder/user.sql"
      mv "$folder/new" "$folder/data"
    fi
    set -- mariadbd --no-defaults --datadir="$folder/data" --tmpdir="$folder" --port="$port" --bind-address=127.0.0.1 \
      --socket="$folder/socket" --pid-file="$folder/pid" --init-file="$folder/user.sql" --max-connections=300 \
      --sql-mode= --character-set-server=latin1 --default-time-zone=+05:00
    ;;
esac

if [ "$(id -u)" = 0 ]; then
  exec setpriv --reuid "$user" --regid "$user" --clear-groups --pdeathsig INT "$@"
else
  exec setpriv --pdeathsig INT "$@"
fi
