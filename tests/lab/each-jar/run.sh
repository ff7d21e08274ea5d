#!/bin/bash
# Takes every jar of a Maven program away, one at a time, and keeps what the program then prints.
#
#   run.sh PROJECT_DIR MAIN_CLASS OUT_DIR [PROGRAM_ARGUMENT...]
#
# PROJECT_DIR is built as it is; BOOT_VERSION sets its boot.version. One file a jar; `ok.log` is the run with all of them.
# A run that is still up after 12 seconds gets three requests on port 18475 and is ended.
set -u
project=$1 main=$2 out=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
cp -r "$project/pom.xml" "$project/src" "$work"
cd "$work" || exit 1
case ${BOOT_VERSION:-} in
2.*) find src -name '*.java' -exec sed -i 's/import jakarta\.validation/import javax.validation/' {} + ;;
esac
mvn -q -B ${BOOT_VERSION:+-Dboot.version=$BOOT_VERSION} package dependency:build-classpath -Dmdep.outputFile=cp.txt || exit 1
tr : '\n' <cp.txt >jars.txt

run() { # NAME JAR_TAKEN_AWAY ARGUMENT...
    local name=$1 jar=$2 path
    shift 2
    path=target/classes:$(grep -vxF "$jar" jars.txt | paste -sd:)
    java -Xshare:auto -XX:TieredStopAtLevel=1 -cp "$path" "$main" "$@" >"$out/$name.log" 2>&1 </dev/null &
    local pid=$!
    for _ in $(seq 40); do
        kill -0 $pid 2>/dev/null || break
        if curl -s -o answer http://127.0.0.1:18475/data; then
            curl -s -o answer http://127.0.0.1:18475/page
            curl -s -o answer -H 'Content-Type: application/json' -d '{"name":"south"}' http://127.0.0.1:18475/gates
            break
        fi
        sleep 0.3
    done
    kill $pid 2>/dev/null
    wait $pid 2>/dev/null
    sed -i "s|$work|/opt/app|g; s|$HOME/.m2/repository/[^ ]*/|/opt/app/lib/|g" "$out/$name.log"
}

run ok none "$@"
while read -r jar; do run "no-$(basename "$jar" .jar)" "$jar" "$@"; done <jars.txt
