#!/usr/bin/env bash
# Jaeger 1.76, everything in one process, built from its Go module (six minutes with empty caches). PORT is where it
# answers queries; GRPC_PORT takes api_v2 (PostSpans), OTLP_GRPC_PORT and OTLP_HTTP_PORT take OTLP. Spans are in memory;
# with ON_DISK=yes they are in DATA_DIR, and those it has taken are there when it ends by SIGTERM.
name=jaeger
port=16686
version=v1.76.0
# shellcheck source=service.sh
source "$(dirname "${BASH_SOURCE[0]}")/service.sh"
# shellcheck source=go-module.sh
source "$(dirname "${BASH_SOURCE[0]}")/go-module.sh"

module=github.com/jaegertracing/jaeger
binary() { echo "$cache/jaeger-$version"; }
install() {
  [ ! -x "$(binary)" ] || return 0
  (
    go_module "$module" "$module/cmd/all-in-one"
    go_build "$(binary)" "$module/cmd/all-in-one" -ldflags='-s -w'
  )
}
command_line() {
  local host=127.0.0.1
  # what does not fit in its queue it drops, and says nothing
  argv=("$(binary)" --log-level=warn --collector.queue-size=100000
    "--query.http-server.host-port=$host:$port" --query.grpc-server.host-port=$host:0
    "--admin.http.host-port=$host:0" "--collector.http-server.host-port=$host:0"
    "--collector.grpc-server.host-port=$host:${GRPC_PORT:-14250}"
    "--collector.otlp.grpc.host-port=$host:${OTLP_GRPC_PORT:-4317}"
    "--collector.otlp.http.host-port=$host:${OTLP_HTTP_PORT:-4318}")
  [ "${ON_DISK:-no}" = yes ] || return 0
  export SPAN_STORAGE_TYPE=badger
  argv+=(--badger.ephemeral=false "--badger.directory-key=$data/keys" "--badger.directory-value=$data/values")
}
main "$@"
