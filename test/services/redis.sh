#!/usr/bin/env bash
# Redis as Debian has it, with nothing on disk unless APPENDONLY=yes. REDIS_PASSWORD is what clients then need;
# CLUSTER=yes is one node of a cluster that others may join, and REDIS_ARGS are more options of redis-server.
name=redis
port=6379
# shellcheck source=service.sh
source "$(dirname "${BASH_SOURCE[0]}")/service.sh"

install() { packages "$name" redis-server redis-server redis-tools; }
binary() { command -v redis-server; }
command_line() {
  argv=(redis-server --port "$port" --bind 127.0.0.1 --dir "$data" --save '' --appendonly "${APPENDONLY:-no}"
    --daemonize no)
  if [ -n "${REDIS_PASSWORD:-}" ]; then argv+=(--requirepass "$REDIS_PASSWORD"); fi
  if [ "${CLUSTER:-no}" = yes ]; then argv+=(--cluster-enabled yes --cluster-node-timeout 2000); fi
  # shellcheck disable=SC2206 # words on purpose
  argv+=(${REDIS_ARGS:-})
}
main "$@"
