#!/usr/bin/env bash
# Fetches Apache Kafka from Maven Central and prints the folder of its jars. WEIR_SERVICES is where it is kept. Needs
# Java 17 and Maven, which are installed where there is apt-get.
set -euo pipefail

version=4.3.1
cache=${WEIR_SERVICES:-${XDG_CACHE_HOME:-$HOME/.cache}/weir-services}
home=$cache/kafka-$version
fail() { echo "kafka.sh: $1" >&2; [ -z "${2:-}" ] || tail -20 "$2" >&2; exit 1; }

# shellcheck source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

mkdir -p "$cache"
exec 9>"$cache/kafka.lock"
flock 9
if [ ! -e "$home/complete" ]; then
  packages kafka java openjdk-17-jre-headless
  packages kafka mvn maven
  mkdir -p "$home"
  dependency() { echo "<dependency><groupId>$1</groupId><artifactId>$2</artifactId><version>$3</version></dependency>"; }
  {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>example</groupId><artifactId>kafka-runtime</artifactId><version>1</version><packaging>pom</packaging>'
    echo '<dependencies>'
    dependency org.apache.kafka kafka_2.13 "$version"
    dependency org.apache.kafka kafka-tools "$version"
    dependency org.apache.logging.log4j log4j-slf4j-impl 2.25.2
    echo '</dependencies></project>'
  } >"$home/pom.xml"
  (cd "$home" && mvn -q -B dependency:copy-dependencies -DoutputDirectory="$home/libs" -DincludeScope=runtime) \
    >"$home/mvn.log" 2>&1 || fail 'Maven failed' "$home/mvn.log"
  touch "$home/complete"
fi
echo "$home/libs"
