#!/usr/bin/env bash
# A Python with gRPC and the OpenTelemetry SDK, from the package index; prints the path of its interpreter. WEIR_SERVICES
# is where it is kept. Needs Python 3 with venv.
set -euo pipefail

version=1.45.2
cache=${WEIR_SERVICES:-${XDG_CACHE_HOME:-$HOME/.cache}/weir-services}
folder=$cache/foreign-python-$version
fail() { echo "foreign-python.sh: $1" >&2; [ -z "${2:-}" ] || tail -20 "$2" >&2; exit 1; }

mkdir -p "$cache"
exec 9>"$cache/foreign-python.lock"
flock 9
if [ ! -e "$folder/complete" ]; then
  command -v python3 >/dev/null || fail 'Python 3 is needed'
  rm -rf "$folder"
  python3 -m venv "$folder" >"$cache/foreign-python.log" 2>&1 || fail 'no virtual environment' "$cache/foreign-python.log"
  "$folder/bin/pip" install --quiet --disable-pip-version-check "opentelemetry-sdk==$version" grpcio==1.85.1 \
    "opentelemetry-exporter-otlp-proto-grpc==$version" "opentelemetry-exporter-otlp-proto-http==$version" \
    >"$cache/foreign-python.log" 2>&1 || fail 'pip failed' "$cache/foreign-python.log"
  touch "$folder/complete"
fi
echo "$folder/bin/python"
