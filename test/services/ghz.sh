#!/usr/bin/env bash
# Builds ghz, a load generator for gRPC on grpc-go, and prints the path of its binary. WEIR_SERVICES is where it is kept.
# Needs Go.
set -euo pipefail

version=v0.93.0
cache=${WEIR_SERVICES:-${XDG_CACHE_HOME:-$HOME/.cache}/weir-services}
binary=$cache/ghz-$version
fail() { echo "ghz.sh: $1" >&2; [ -z "${2:-}" ] || tail -20 "$2" >&2; exit 1; }

mkdir -p "$cache"
exec 9>"$cache/ghz.lock"
flock 9
if [ ! -x "$binary" ]; then
  command -v go >/dev/null || fail 'Go is needed to build it'
  GOBIN=$cache/build-ghz go install "github.com/bojand/ghz/cmd/ghz@$version" >"$cache/ghz.log" 2>&1 ||
    fail 'go install failed' "$cache/ghz.log"
  mv "$cache/build-ghz/ghz" "$binary"
fi
echo "$binary"
