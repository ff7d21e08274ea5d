#!/usr/bin/env bash
# Puts the real servers of the tests into a cache outside the tree: Kafka and Elasticsearch by Maven, and a Java 21 or later
# where the machine has none. What is there already is not fetched again.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
cache="${TRIMWATCH_SERVICES:-$HOME/.cache/trimwatch-services}"
plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1
kafka=$(sed -n 's|.*<version>\(4[0-9.]*\)</version>.*|\1|p' "$here/services.pom.xml")
elasticsearch=9.5.3
java_major=21 # what Elasticsearch 9 needs; Kafka runs on it too

java_of() { # the newest Java under these folders that is new enough
  local home major
  for home in "$@"; do
    [ -x "$home/bin/java" ] || continue
    major=$("$home/bin/java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    if [ "${major:-0}" -ge "$java_major" ]; then printf '%s %s\n' "$major" "$home"; fi
  done | sort -n | tail -n 1 | cut -d' ' -f2
}

unpack_java() { # Debian 13's package on an older Debian, unpacked beside the system, with lists of its own
  local apart="$cache/apt" package
  rm -rf "$apart" && mkdir -p "$apart/lists/partial" "$apart/cache/archives/partial" "$apart/none"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main" >"$apart/sources.list"
  local apt=(apt-get -qq -o "Dir::Etc::sourcelist=$apart/sources.list" -o "Dir::Etc::sourceparts=$apart/none"
    -o "Dir::State::lists=$apart/lists" -o "Dir::Cache=$apart/cache" -o "APT::Sandbox::User=$(id -un)")
  "${apt[@]}" update || return 1
  for package in openjdk-25-jre-headless openjdk-21-jre-headless; do
    (cd "$apart" && "${apt[@]}" download "$package") && break
  done
  mkdir -p "$cache/java.part"
  dpkg-deb -x "$apart"/openjdk-*-jre-headless_*.deb "$cache/java.part" || return 1
  # The package's configuration lies in /etc, by absolute links.
  find "$cache/java.part" -type l -lname '/etc/java-*' | while read -r link; do
    ln -sfn "$cache/java$(readlink "$link")" "$link"
  done
  mv "$cache/java.part" "$cache/java"
  rm -rf "$apart"
}

mkdir -p "$cache"
exec 9>"$cache/.lock"
flock 9

if [ ! -d "$cache/kafka-$kafka" ]; then
  rm -rf "$cache/kafka.part"
  mvn -q -B -f "$here/services.pom.xml" "$plugin:copy-dependencies" -DincludeScope=runtime "-DoutputDirectory=$cache/kafka.part"
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

java=$(java_of "${JAVA_HOME:-}" /usr/lib/jvm/* "$cache"/java/usr/lib/jvm/*)
if [ -z "$java" ]; then
  rm -rf "$cache/java" "$cache/java.part"
  if unpack_java; then java=$(java_of "$cache"/java/usr/lib/jvm/*); fi
fi
if [ -z "$java" ]; then
  echo "no Java $java_major or later under /usr/lib/jvm, and none could be unpacked: Elasticsearch cannot start here" >&2
  exit 1
fi
ln -sfn "$java" "$cache/java-home"
echo "services in $cache: Kafka $kafka, Elasticsearch $elasticsearch, Java in $java"
