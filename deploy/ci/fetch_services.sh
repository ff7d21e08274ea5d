#!/usr/bin/env bash
# Puts the real servers of the tests into a cache outside the tree: Kafka, Elasticsearch, OpenSearch and what a shop in Java needs
# by Maven, Prometheus 3 built from its Go module, and a Java 21 or later where the machine has none. What is there already is not
# fetched again.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cache="${TRIMWATCH_SERVICES:-$HOME/.cache/trimwatch-services}"
plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1
kafka=$(sed -n 's|.*<version>\(4[0-9.]*\)</version>.*|\1|p' "$here/services.pom.xml")
elasticsearch=9.5.3
prometheus=v0.316.0 # the module's name for 3.16; Debian's 2.42 speaks no remote write 2.0
java_major=21 # what Elasticsearch 9 needs; Kafka runs on it too

java_of() { # the newest Java under these folders that is new enough
  local home major
  for home in "$@"; do
    [ -x "$home/bin/java" ] || continue
    major=$("$home/bin/java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    if [ "${major:-0}" -ge "$java_major" ]; then printf '%s %s\n' "$major" "$home"; fi
  done | sort -n | tail -n 1 | cut -d' ' -f2
}

# Debian 13's package on an older Debian, unpacked beside the system by apt with lists of its own. Where the C library is older
# too, Java is told to take Debian 13's, which is unpacked beside it.
unpack_java() {
  local apart="$cache/apt" home archive
  archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | sed -n '/-security/!{p;q}') # where this machine's come from
  [ -n "$archive" ] || return 1
  rm -rf "$apart" "$cache/java" "$cache/java.part"
  mkdir -p "$apart/lists/partial" "$apart/cache/archives/partial" "$apart/none" "$cache/java.part"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive trixie main" >"$apart/sources.list"
  apt=(apt-get -qq -o "Dir::Etc::sourcelist=$apart/sources.list" -o "Dir::Etc::sourceparts=$apart/none"
    -o "Dir::State::lists=$apart/lists" -o "Dir::Cache=$apart/cache" -o "APT::Sandbox::User=$(id -un)")
  "${apt[@]}" update || return 1
  unpack_package openjdk-25-jre-headless || unpack_package openjdk-21-jre-headless || return 1
  # The package's configuration lies in /etc, by absolute links.
  find "$cache/java.part" -type l -lname '/etc/java-*' | while read -r link; do
    ln -sfn "$cache/java$(readlink "$link")" "$link"
  done
  mv "$cache/java.part" "$cache/java"
  home=$(echo "$cache"/java/usr/lib/jvm/java-*-openjdk-*)
  "${home%% *}/bin/java" -version >/dev/null 2>&1 || take_newer_libraries
  rm -rf "$apart"
}

unpack_package() {
  (cd "$apart" && rm -f -- *.deb && "${apt[@]}" download "$1" && dpkg-deb -x ./*.deb "${2:-$cache/java.part}")
}

take_newer_libraries() {
  local name libraries loader file
  for name in libc6 libstdc++6 libgcc-s1 zlib1g patchelf; do
    unpack_package "$name" "$cache/java" || return 1
  done
  libraries=$(dirname "$(find "$cache/java/usr/lib" -name 'libc.so.6' | head -n 1)")
  loader=$(find "$libraries" -name 'ld-linux-*' | head -n 1)
  for file in "$cache"/java/usr/lib/jvm/*/bin/java "$cache"/java/usr/lib/jvm/*/lib/jspawnhelper; do
    if [ -h "$file" ] || [ ! -f "$file" ]; then continue; fi
    "$loader" --library-path "$libraries" "$cache/java/usr/bin/patchelf" --force-rpath --add-rpath "$libraries" \
      --set-interpreter "$loader" "$file"
  done
}

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9

if ! cmp -s "$here/services.pom.xml" "$cache/kafka-$kafka/pom.xml"; then
  rm -rf "$cache/kafka.part" "$cache/kafka-$kafka"
  mvn -q -B -f "$here/services.pom.xml" "$plugin:copy-dependencies" -DincludeScope=runtime "-DoutputDirectory=$cache/kafka.part"
  cp "$here/services.pom.xml" "$cache/kafka.part/pom.xml"
  mv "$cache/kafka.part" "$cache/kafka-$kafka"
fi
if [ ! -d "$cache/elasticsearch-$elasticsearch" ]; then
  rm -rf "$cache/elasticsearch.part"
  mkdir -p "$cache/elasticsearch.part"
  (
    cd "$cache/elasticsearch.part" # the plugin leaves markers where it is called
    mvn -q -B "$plugin:unpack" "-Dartifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:$elasticsearch:zip" -DoutputDirectory=.
  )
  mv "$cache/elasticsearch.part/elasticsearch-$elasticsearch" "$cache/elasticsearch-$elasticsearch"
  rm -rf "$cache/elasticsearch.part"
fi
if ! cmp -s "$here/opensearch.pom.xml" "$cache/opensearch-3/pom.xml"; then
  rm -rf "$cache/opensearch.part" "$cache/opensearch-3"
  mvn -q -B -f "$here/opensearch.pom.xml" "$plugin:copy-dependencies" -DincludeScope=runtime "-DoutputDirectory=$cache/opensearch.part"
  cp "$here/opensearch.pom.xml" "$cache/opensearch.part/pom.xml"
  mv "$cache/opensearch.part" "$cache/opensearch-3"
fi
if ! cmp -s "$here/shop.pom.xml" "$cache/shop/pom.xml"; then
  rm -rf "$cache/shop.part" "$cache/shop"
  mvn -q -B -f "$here/shop.pom.xml" "$plugin:copy-dependencies" -DincludeScope=runtime "-DoutputDirectory=$cache/shop.part"
  cp "$here/shop.pom.xml" "$cache/shop.part/pom.xml"
  mv "$cache/shop.part" "$cache/shop"
fi
# Without its ways to discover targets in clouds it is built in 2-3 minutes on two cores. A machine without Go does without it.
if [ ! -x "$cache/prometheus-$prometheus/prometheus" ] && command -v go >/dev/null 2>&1; then
  rm -rf "$cache/prometheus.part" "$cache"/prometheus-v*
  if (cd "$cache" && GOBIN="$cache/prometheus.part" GOFLAGS=-buildvcs=false CGO_ENABLED=0 timeout 1200 nice -n 10 go install -trimpath \
    -tags netgo,remove_all_sd -ldflags '-s -w' "github.com/prometheus/prometheus/cmd/prometheus@$prometheus"); then
    mv "$cache/prometheus.part" "$cache/prometheus-$prometheus"
  else
    echo "Prometheus 3 could not be built, or not in 20 minutes: its tests fail in CI" >&2
  fi
fi

java=$(java_of "${JAVA_HOME:-}" /usr/lib/jvm/* "$cache"/java/usr/lib/jvm/*)
if [ -z "$java" ]; then
  if unpack_java; then java=$(java_of "$cache"/java/usr/lib/jvm/*); fi
fi
if [ -z "$java" ]; then
  echo "no Java $java_major or later under /usr/lib/jvm, and none could be unpacked: Elasticsearch cannot start here" >&2
  exit 1
fi
ln -sfn "$java" "$cache/java-home"
echo "services in $cache: Kafka $kafka, Elasticsearch $elasticsearch, OpenSearch, a shop, Prometheus $prometheus, Java in $java"
