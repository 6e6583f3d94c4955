# Shared by the scripts of services that are one process: NAME.sh install|run|start|stop|status. The script that sources
# this sets `name` and `port`, and defines `install` (prints nothing), `binary` and `command_line` (sets `argv`).
# PORT is where it listens on 127.0.0.1, DATA_DIR is the state of one instance and may be deleted when it has stopped.
set -euo pipefail

cache=${WEIR_SERVICES:-${XDG_CACHE_HOME:-$HOME/.cache}/weir-services}
port=${PORT:-$port}
data=${DATA_DIR:-${TMPDIR:-/tmp}/weir-$name-$port}
seconds=${START_TIMEOUT:-60}
fail() { echo "$name.sh: $1" >&2; [ -z "${2:-}" ] || tail -20 "$2" >&2; exit 1; }

# The port is asked with what bash itself has.
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
alive() { [ -s "$data/pid" ] && kill -0 "$(cat "$data/pid")" 2>/dev/null; }

# shellcheck source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

once() {
  mkdir -p "$cache"
  exec 9>"$cache/$name.lock"
  flock 9
  install
  exec 9>&-
}

start() {
  once
  if ! alive; then
    ! listens "$port" || fail "port $port is taken"
    mkdir -p "$data"
    setsid nohup bash "$0" run >"$data/log" 2>&1 </dev/null &
    echo $! >"$data/pid"
  fi
  local end=$((SECONDS + seconds))
  until listens "$port"; do
    alive || fail 'ended while it started' "$data/log"
    [ $SECONDS -lt $end ] || fail "does not listen after $seconds s" "$data/log"
    sleep 0.1
  done
  echo "127.0.0.1:$port"
}

stop() {
  if alive; then
    kill "$(cat "$data/pid")"
    local end=$((SECONDS + 15))
    while alive; do
      [ $SECONDS -lt $end ] || kill -KILL "$(cat "$data/pid")"
      sleep 0.1
    done
  fi
  rm -f "$data/pid"
}

main() {
  case "${1:-}" in
    # prints what runs, for those who start it themselves
    install)
      once
      binary
      ;;
    # in the place of this process, so that a signal to it is one to the service
    run)
      once
      mkdir -p "$data"
      command_line
      exec "${argv[@]}"
      ;;
    start) start ;;
    stop) stop ;;
    status) if alive && listens "$port"; then echo "127.0.0.1:$port"; else echo down && exit 1; fi ;;
    *) echo "usage: $0 install|run|start|stop|status   (PORT, DATA_DIR, START_TIMEOUT, WEIR_SERVICES)" >&2 && exit 2 ;;
  esac
}
