#!/usr/bin/env bash
# Installs every service that the tests need and that is not there: install.sh [NAME…]. Some are built from their
# modules, half an hour of two cores with empty caches; two at a time, so that one downloads while the other compiles.
# Each has INSTALL_TIMEOUT seconds; the first that fails is a failure of all. Says what begins and what ends.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
seconds=${INSTALL_TIMEOUT:-3600}
# the longest first; what is fetched ready-made goes along
lanes=('otelcol jaeger' 'kafka clickhouse redis prometheus alertmanager flink h2spec influxdb ghz foreign-python foreign-java')
[ $# -eq 0 ] || lanes=("$*")

install() {
  local name=$1 begin=$SECONDS status=0
  echo "install.sh: $name …"
  # what is no service of one process takes no command: it is installed, and its place printed
  timeout "$seconds" bash "$here/$name.sh" install >/dev/null &
  wait $! || status=$?
  if [ $status -eq 124 ]; then echo "install.sh: $name took more than $seconds s" >&2; fi
  [ $status -eq 0 ] || return 1
  echo "install.sh: $name is there ($((SECONDS - begin)) s)"
}

# so that ending this ends the builds
end_jobs() { kill $(jobs -p) 2>/dev/null || true; }
trap end_jobs EXIT
lane() {
  trap 'end_jobs; exit 1' TERM
  for name in "$@"; do install "$name" || return 1; done
}

for names in "${lanes[@]}"; do
  # shellcheck disable=SC2086 # words on purpose
  lane $names &
done
for _ in "${lanes[@]}"; do wait -n || { echo 'install.sh: failed' >&2; exit 1; }; done
