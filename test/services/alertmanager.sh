#!/usr/bin/env bash
# Alertmanager as Debian has it (12: 0.25), one instance without a cluster, whose only receiver tells nobody.
name=alertmanager
port=9093
# shellcheck source=service.sh
source "$(dirname "${BASH_SOURCE[0]}")/service.sh"

install() { packages "$name" prometheus-alertmanager prometheus-alertmanager; }
binary() { command -v prometheus-alertmanager; }
command_line() {
  local config=$data/alertmanager.yml
  printf 'route: {receiver: nobody, group_by: [alertname]}\nreceivers: [{name: nobody}]\n' >"$config"
  argv=(prometheus-alertmanager "--config.file=$config" "--storage.path=$data/data"
    "--web.listen-address=127.0.0.1:$port" --cluster.listen-address= --log.level=warn)
}
main "$@"
