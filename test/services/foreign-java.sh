#!/usr/bin/env bash
# An application with the OpenTelemetry SDK of Java and an OTLP server on grpc-netty, from Maven's central repository;
# prints the class path with which `Foreign` runs. WEIR_SERVICES is where it is kept. Needs a JDK of 17 and Maven.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${WEIR_SERVICES:-${XDG_CACHE_HOME:-$HOME/.cache}/weir-services}
folder=$cache/foreign-java-$(cat "$here/foreign-java.xml" "$here/Foreign.java" | sha256sum | cut -c1-12)
fail() { echo "foreign-java.sh: $1" >&2; [ -z "${2:-}" ] || tail -20 "$2" >&2; exit 1; }

mkdir -p "$cache"
exec 9>"$cache/foreign-java.lock"
flock 9
if [ ! -e "$folder/complete" ]; then
  command -v mvn >/dev/null && command -v javac >/dev/null || fail 'a JDK and Maven are needed'
  mkdir -p "$folder/classes"
  cp "$here/foreign-java.xml" "$folder/pom.xml"
  (cd "$folder" && mvn --quiet --batch-mode dependency:copy-dependencies -DoutputDirectory=lib) >"$folder/log" 2>&1 ||
    fail 'Maven failed' "$folder/log"
  javac -d "$folder/classes" -cp "$folder/lib/*" "$here/Foreign.java" >"$folder/log" 2>&1 ||
    fail 'javac failed' "$folder/log"
  touch "$folder/complete"
fi
echo "$folder/classes:$folder/lib/*"
