#!/usr/bin/env bash
# Apache Flink from Maven Central, in one process, with the jobs of flink/StreamJobs.java: flink.sh install|run [ARGS…].
# WEIR_SERVICES is where it is kept. Needs the JDK 17 and Maven, which are installed where there is apt-get.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/flink
cache=${WEIR_SERVICES:-${XDG_CACHE_HOME:-$HOME/.cache}/weir-services}
stamp=$(cat "$here"/* | sha256sum | cut -c1-12)
home=$cache/flink-$stamp
fail() { echo "flink.sh: $1" >&2; [ -z "${2:-}" ] || tail -20 "$2" >&2; exit 1; }

# shellcheck source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

install() {
  mkdir -p "$cache"
  exec 9>"$cache/flink.lock"
  flock 9
  if [ ! -e "$home/complete" ]; then
    packages flink javac openjdk-17-jdk-headless
    packages flink mvn maven
    mkdir -p "$home"
    cp "$here"/* "$home"
    (cd "$home" && mvn -q -B dependency:copy-dependencies -DoutputDirectory="$home/libs" -DincludeScope=runtime) \
      >"$home/mvn.log" 2>&1 || fail 'Maven failed' "$home/mvn.log"
    javac -cp "$home/libs/*" -d "$home/classes" "$home/StreamJobs.java" >"$home/javac.log" 2>&1 ||
      fail 'javac failed' "$home/javac.log"
    touch "$home/complete"
  fi
  exec 9>&-
}

case "${1:-}" in
  install) install && echo "$home" ;;
  run)
    install
    shift
    # Flink looks into classes of the JDK
    exec java -Xmx2g --add-opens=java.base/java.util=ALL-UNNAMED --add-opens=java.base/java.lang=ALL-UNNAMED \
      -cp "$home/classes:$home/libs/*" StreamJobs "$@"
    ;;
  *) echo "usage: $0 install|run windows|pattern WARM_UP EVENTS   (WEIR_SERVICES)" >&2 && exit 2 ;;
esac
