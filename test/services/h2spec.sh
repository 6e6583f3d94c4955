#!/usr/bin/env bash
# Builds h2spec, a conformance test of HTTP/2 servers, and prints the path of its binary. WEIR_SERVICES is where it is
# kept. Needs Go.
set -euo pipefail

version=v2.2.1+incompatible
cache=${WEIR_SERVICES:-${XDG_CACHE_HOME:-$HOME/.cache}/weir-services}
binary=$cache/h2spec-2.2.1
fail() { echo "h2spec.sh: $1" >&2; [ -z "${2:-}" ] || tail -20 "$2" >&2; exit 1; }

mkdir -p "$cache"
exec 9>"$cache/h2spec.lock"
flock 9
if [ ! -x "$binary" ]; then
  command -v go >/dev/null || fail 'Go is needed to build it'
  build=$cache/build-h2spec
  mkdir -p "$build"
  cd "$build"
  # older than modules: what it needs is listed here, or the newest of everything would come
  cat >go.mod <<MODULE
module example.invalid/h2spec

go 1.24

require (
	github.com/fatih/color v1.18.0
	github.com/spf13/cobra v1.9.1
	github.com/summerwind/h2spec $version
	golang.org/x/net v0.42.0
)
MODULE
  export GOFLAGS=-mod=mod
  go build -trimpath -o "$binary.part" github.com/summerwind/h2spec/cmd/h2spec >log 2>&1 || fail 'go build failed' log
  mv "$binary.part" "$binary"
fi
echo "$binary"
