#!/usr/bin/env bash
# InfluxDB 2.7, built from its Go module and, for Flux, with cargo (ten minutes with empty caches). It keeps its data in
# DATA_DIR. A new one has no organization and no bucket: who starts it sets it up, see influxdb.ts.
name=influxdb
port=8086
version=v2.7.12
# shellcheck source=service.sh
source "$(dirname "${BASH_SOURCE[0]}")/service.sh"
# shellcheck source=go-module.sh
source "$(dirname "${BASH_SOURCE[0]}")/go-module.sh"

module=github.com/influxdata/influxdb/v2
binary() { echo "$cache/influxd-$version"; }
install() {
  [ ! -x "$(binary)" ] || return 0
  packages "$name" gcc gcc libc6-dev
  packages "$name" pkg-config pkg-config
  command -v cargo >/dev/null || fail 'cargo is needed to build Flux'
  (
    go_module "$module" "$module/cmd/influxd"
    # stands before the real pkg-config, and builds Flux when cgo asks for it
    mkdir -p bin
    go_build "$work/bin/pkg-config" github.com/influxdata/pkg-config
    # Flux takes warnings of newer compilers for errors
    printf '#!/bin/sh\ncase " $* " in *" --cap-lints "*) exec "$@" ;; *) exec "$@" --cap-lints warn ;; esac\n' >rustc
    chmod +x rustc
    export RUSTC_WRAPPER=$work/rustc PATH=$work/bin:$PATH
    # its release profile takes three times as long, for speed that tests do not need
    export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1
    # it names an old compiler, which rustup would fetch
    if command -v rustup >/dev/null; then
      RUSTUP_TOOLCHAIN=${RUSTUP_TOOLCHAIN:-$(cd / && rustup show active-toolchain | cut -d' ' -f1)}
      export RUSTUP_TOOLCHAIN
    fi
    go_build "$(binary)" "$module/cmd/influxd" -ldflags="-s -w -X main.version=$version"
  )
}
command_line() {
  argv=("$(binary)" --http-bind-address "127.0.0.1:$port" --bolt-path "$data/influxd.bolt"
    --sqlite-path "$data/influxd.sqlite" --engine-path "$data/engine" --reporting-disabled --log-level warn
    --storage-wal-fsync-delay 0s)
}
main "$@"
