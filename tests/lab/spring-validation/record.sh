#!/bin/sh
# Builds the checkout service with and without its validation starter, runs both, sends each the same traffic,
# and writes what they print.
#
#   record.sh BOOT_VERSION OUT_DIR [JAVA_OPTION...]
#
# Writes OUT_DIR/trimmed.log and OUT_DIR/intact.log. Needs a JDK >= 17, Maven and curl. The demo's recordings are
#   record.sh 3.5.9 detector/demo_data -Dlogging.exception-conversion-word=%wEx{8}
# Spring Boot 2.7 has the javax names; the script renames the imports for it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=$1 out=$2
shift 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$here/pom.xml" "$here/src" "$work"
case $version in
2.*) find "$work/src" -name '*.java' -exec sed -i 's/import jakarta\.validation/import javax.validation/' {} + ;;
esac
port=18473

traffic() {
    n=0
    while [ $n -lt 17 ]; do
        n=$((n + 1))
        curl -s -o "$work/answer" "http://127.0.0.1:$port/stock/A-$n"
        curl -s -o "$work/answer" -H 'Content-Type: application/json' -d "{\"sku\":\"A-$n\",\"quantity\":$n}" \
            "http://127.0.0.1:$port/orders"
    done
}

record() {
    name=$1
    shift
    (cd "$work" && exec java "$@" -Dserver.port=$port -jar target/checkout.jar) >"$work/$name.log" 2>&1 &
    service=$!
    until curl -s -o "$work/answer" "http://127.0.0.1:$port/stock/first"; do
        kill -0 $service || break
        sleep 0.2
    done
    traffic
    kill $service || true
    wait $service || true
    sed "s|$work|/app|g" "$work/$name.log" >"$out/$name.log"
}

mkdir -p "$out"
mvn -q -B -f "$work/pom.xml" -Dboot.version="$version" clean package
record intact "$@"
mvn -q -B -f "$work/pom.xml" -Dboot.version="$version" -Ptrimmed clean package
record trimmed "$@"
