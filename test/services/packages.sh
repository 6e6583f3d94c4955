# Sourced by the scripts of services that may need packages of Debian. They set `cache` and define `fail MESSAGE [LOG]`.

# packages NAME COMMAND PACKAGE...: installed where the command is missing; their daemons are not started. One at a time:
# apt-get waits for the lock of dpkg only when told, and for that of its lists never.
packages() {
  local name=$1 wanted=$2
  shift 2
  if command -v "$wanted" >/dev/null; then return; fi
  command -v apt-get >/dev/null || fail "$wanted is missing, and so is apt-get"
  [ "$(id -u)" = 0 ] || fail "$wanted is missing, and only root can install $*"
  local log=$cache/$name-apt.log
  (
    flock 8
    export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
    apt-get update && apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
  ) >"$log" 2>&1 8>"$cache/apt.lock" || fail "apt-get cannot install $*" "$log"
}
