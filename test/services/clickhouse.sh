#!/usr/bin/env bash
# Fetches the ClickHouse engine (chdb-core from PyPI) and prints the Python that has it. WEIR_SERVICES is where it is
# kept. Needs Python 3 with venv, which is installed where there is apt-get.
set -euo pipefail

version=26.9.0
cache=${WEIR_SERVICES:-${XDG_CACHE_HOME:-$HOME/.cache}/weir-services}
home=$cache/chdb-core-$version
fail() { echo "clickhouse.sh: $1" >&2; [ -z "${2:-}" ] || tail -20 "$2" >&2; exit 1; }

# shellcheck source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

mkdir -p "$cache"
exec 9>"$cache/clickhouse.lock"
flock 9
if [ ! -e "$home/complete" ]; then
  rm -rf "$home"
  if ! python3 -m venv "$home" >"$cache/venv.log" 2>&1; then
    # there is no command by which to tell whether it is there
    packages clickhouse no-such-command python3-venv
    rm -rf "$home"
    python3 -m venv "$home"
  fi
  # its dependencies are for data frames, the engine needs none of them
  "$home/bin/pip" install --quiet --disable-pip-version-check --no-deps "chdb-core==$version" >"$cache/pip.log" 2>&1 ||
    fail 'pip failed' "$cache/pip.log"
  touch "$home/complete"
fi
echo "$home/bin/python"
