#!/usr/bin/env bash
# Builds the reference collector from published Go modules and prints the path of its binary; the work of a cold build
# is about ten minutes of two cores. WEIR_SERVICES is where binaries are kept. Needs Go; its proxy settings are honoured.
set -euo pipefail

version=v0.155.0
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${WEIR_SERVICES:-${XDG_CACHE_HOME:-$HOME/.cache}/weir-services}
# a binary of another manifest is another file, so a change here builds anew and leaves the old one to older sources
binary=$cache/otelcol-$version-$(sha256sum "$here/otelcol.yaml" | cut -c1-12)
fail() { echo "otelcol.sh: $1" >&2; [ -z "${2:-}" ] || tail -20 "$2" >&2; exit 1; }

mkdir -p "$cache"
exec 9>"$cache/otelcol.lock"
flock 9
if [ ! -x "$binary" ]; then
  command -v go >/dev/null || fail 'Go is needed to build the reference collector'
  build=$cache/build-otelcol-$version
  mkdir -p "$build"
  cd "$build"
  echo "otelcol.sh: building the reference collector $version in $build" >&2
  # The builder writes the sources; the module file is our own, which lists exactly the manifest's modules.
  go run "go.opentelemetry.io/collector/cmd/builder@$version" --config "$here/otelcol.yaml" \
    --skip-compilation --skip-get-modules >builder.log 2>&1 || fail 'the builder failed' builder.log
  cd dist
  {
    printf 'module example.invalid/otelcol\n\ngo 1.25\n\nrequire (\n'
    sed -n 's/.*gomod: /\t/p' "$here/otelcol.yaml"
    printf '\tgo.opentelemetry.io/collector/otelcol %s\n)\n' "$version"
  } >go.mod
  GOFLAGS=-mod=mod go build -trimpath -ldflags='-s -w' -o "$binary.new" . >../go.log 2>&1 || fail 'go build failed' ../go.log
  mv "$binary.new" "$binary"
fi
echo "$binary"
