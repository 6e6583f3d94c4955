#!/usr/bin/env bash
# Prometheus as Debian has it, which takes remote write (/api/v1/write) and keeps exemplars and native histograms. With
# SCRAPE_CONFIG, the text of `scrape_configs`, it scrapes; Debian 12 has 2.42, which knows neither OTLP nor remote write 2.
name=prometheus
port=9090
# shellcheck source=service.sh
source "$(dirname "${BASH_SOURCE[0]}")/service.sh"

install() { packages "$name" prometheus prometheus; }
binary() { command -v prometheus; }
command_line() {
  local config=$data/prometheus.yml
  printf 'global: {scrape_interval: 1s}\n%s\n' "${SCRAPE_CONFIG:-}" >"$config"
  argv=(prometheus "--config.file=$config" "--storage.tsdb.path=$data/tsdb" "--web.listen-address=127.0.0.1:$port"
    --web.enable-remote-write-receiver --web.enable-lifecycle --log.level=warn
    --enable-feature=exemplar-storage,native-histograms)
}
main "$@"
