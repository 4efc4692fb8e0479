#!/bin/sh
# Runs parts of the tests, each a target of the Makefile, up to the first that fails, and says how long each
# took: tests/parts.sh PART...
set -u
make=${MAKE:-make}
rows= total=0 failed=

row() {
  rows="$rows$(printf '  %-10s %4d:%02d  %s' "$1" $(($2 / 60)) $(($2 % 60)) "$3")
"
}

# However it ends: it may be interrupted in the middle of a part.
report() {
  row all $total "${failed:-all passed}"
  printf '\n%s' "$rows"
}
trap report EXIT
trap 'failed=interrupted; exit 130' INT TERM

for part; do
  if [ -n "$failed" ]; then
    rows="$rows$(printf '  %-10s          not run' "$part")
"
    continue
  fi
  printf '\n== %s\n' "$part"
  begun=$(date +%s)
  if "$make" --no-print-directory "$part"; then result=passed; else result=failed failed="$part failed"; fi
  took=$(($(date +%s) - begun))
  total=$((total + took))
  row "$part" $took $result
done
[ -z "$failed" ]
