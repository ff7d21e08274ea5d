#!/usr/bin/env bash
# What the tests need beside Python: real programs, from the distribution's packages.
set -euo pipefail
need=()
for pair in rg:ripgrep nginx:nginx prometheus:prometheus prometheus-alertmanager:prometheus-alertmanager \
  java:default-jdk-headless mvn:maven openssl:openssl redis-server:redis-server mariadb-install-db:mariadb-server \
  prometheus-redis-exporter:prometheus-redis-exporter prometheus-mysqld-exporter:prometheus-mysqld-exporter \
  prometheus-blackbox-exporter:prometheus-blackbox-exporter chromium:chromium; do
  command -v "${pair%%:*}" >/dev/null 2>&1 || need+=("${pair#*:}")
done
if [ "${#need[@]}" -gt 0 ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null
fi
"$(dirname "$0")/fetch_services.sh"
