#!/bin/sh
# Sees to it that commands are there, from Debian's packages; where that can't be done, says the one
# line that does it.
set -eu
missing=
for command in "$@"; do
  command -v "$command" >/dev/null 2>&1 && continue
  case $command in
    cc) package=build-essential ;;
    prlimit) package=util-linux ;;
    *) package=$command ;;
  esac
  missing="$missing $package"
done
[ -z "$missing" ] && exit 0
mend="apt-get update && apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  if sh -c "$mend" >/dev/null; then exit 0; fi
fi
echo "missing:$missing. This mends it:  sudo sh -c '$mend'" >&2
exit 1
