#!/bin/bash
# Runs the Spring Boot program Pieces with one jar or one setting taken away at a time.
#
#   run.sh BOOT_VERSION OUT_DIR
#
# Every file of OUT_DIR is one run, named by what was taken away; `ok-` and `down-` are runs with nothing taken away.
set -u
here=$(cd "$(dirname "$0")" && pwd)
version=$1 out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"
cp -r "$here/pom.xml" "$here/src" "$work"
cd "$work" || exit 1
case $version in
2.*) find src -name '*.java' -exec sed -i 's/import jakarta\.validation/import javax.validation/' {} + ;;
esac
mvn -q -B -Dboot.version="$version" package dependency:build-classpath -Dmdep.outputFile=cp.txt -Dmdep.regenerateFile=true || exit 1
mkdir -p cp && ln -s "$work/target/classes" cp/classes
port=18474

start() { # NAME JARS_TAKEN_AWAY CONFIGURATION OPTION...
    local name=$1 away=$2
    shift 2
    local path
    path=target/classes:$(tr : '\n' <cp.txt | grep -vE "/($away)[^/]*\.jar$" | paste -sd:)
    java -cp "$path" depot.Pieces "$@" --server.port=$port --spring.main.banner-mode=off >"$out/$name.log" 2>&1 &
    pid=$!
}
clean() { sed -i "s|$work|/opt/app|g; s|$HOME/.m2/repository/[^ ]*/|/opt/app/lib/|g" "$out/$1.log"; }
once() { # a start that fails; one that does not is ended
    start "$@"
    for _ in $(seq 60); do kill -0 $pid 2>/dev/null || break; grep -q ' Started \| Started Pieces' "$out/$1.log" && break; sleep 0.3; done
    kill $pid 2>/dev/null
    wait $pid 2>/dev/null
    clean "$1"
}
asked() { # NAME JARS PATH... -- OPTION...: a start that works, then requests
    local name=$1 away=$2 paths=()
    shift 2
    while [ "$1" != -- ]; do paths+=("$1"); shift; done
    shift
    start "$name" "$away" Web "$@"
    for _ in $(seq 60); do kill -0 $pid 2>/dev/null || break; curl -s -o answer "http://127.0.0.1:$port/none" && break; sleep 0.3; done
    for p in "${paths[@]}"; do
        case $p in
        post:*) curl -s -o answer -H 'Content-Type: application/json' -d '{"name":"south"}' "http://127.0.0.1:$port${p#post:}" ;;
        bad:*) curl -s -o answer -H 'Content-Type: application/json' -d '{"name":' "http://127.0.0.1:$port${p#bad:}" ;;
        xml:*) curl -s -o answer -H 'Accept: application/xml' "http://127.0.0.1:$port${p#xml:}" ;;
        *) curl -s -o answer "http://127.0.0.1:$port$p" ;;
        esac
    done
    kill $pid 2>/dev/null
    wait $pid 2>/dev/null
    clean "$name"
}
nolb=--spring.liquibase.enabled=false
ecs="--logging.structured.format.console=ecs"
stash="--logging.structured.format.console=logstash"

once no-validator 'hibernate-validator' Bound $nolb --depot.gate.code=7
once no-validator-ecs 'hibernate-validator' Bound $nolb $ecs --depot.gate.code=7
once no-validation-api 'hibernate-validator|jakarta.validation' Bound $nolb --depot.gate.code=7
once no-el 'tomcat-embed-el' Bound $nolb --depot.gate.code=7
once no-property nothing Bound $nolb
once wrong-property nothing Bound $nolb --depot.gate.code=7 --depot.gate.width=wide
once no-placeholder nothing Placed $nolb
once no-placeholder-ecs nothing Placed $nolb $ecs
once no-placeholder-stash nothing Placed $nolb $stash
once no-bean nothing Billed $nolb
once no-bean-ecs nothing Billed $nolb $ecs
once no-bean-pattern nothing Billed $nolb '--logging.pattern.console=%d{ISO8601} %p [%t] %c: %m%n%rEx'
once no-qualified-bean nothing Qualified $nolb
once no-named-bean nothing Looked $nolb
once no-jdbc-jar 'spring-jdbc' Stored $nolb
once no-tx-jar 'spring-tx' Stored $nolb
once no-h2 'h2' Stored $nolb
once no-driver nothing Stored $nolb --spring.datasource.url=jdbc:postgresql://db:5432/depot
once no-driver-class nothing Stored $nolb --spring.datasource.url=jdbc:postgresql://db:5432/depot --spring.datasource.driver-class-name=org.postgresql.Driver
once no-hikari 'HikariCP' Stored $nolb --spring.datasource.type=com.zaxxer.hikari.HikariDataSource
once no-url-hikari nothing Stored $nolb --spring.datasource.type=com.zaxxer.hikari.HikariDataSource --spring.datasource.driver-class-name=org.h2.Driver
once no-tomcat 'tomcat|spring-boot-tomcat' Plain $nolb
once no-tomcat-core 'tomcat-embed-core' Plain $nolb
once no-spring-web 'spring-web-' Plain $nolb
once no-jackson 'jackson' Plain $nolb
once no-aop 'spring-aop' Plain $nolb
once no-logback 'logback' Plain $nolb
once no-slf4j 'slf4j' Plain $nolb
once no-snakeyaml 'snakeyaml' Plain $nolb
printf 'server:\n  shutdown: graceful\n' >target/classes/application.yml
once no-snakeyaml-yaml 'snakeyaml' Plain $nolb
rm target/classes/application.yml
once no-micrometer 'micrometer-core' Plain $nolb
once no-micrometer-observation 'micrometer-observation' Plain $nolb
once no-autoconfigure 'spring-boot-autoconfigure' Plain $nolb
once no-import-file nothing Plain $nolb --spring.config.import=file:/etc/depot/app.yml
once no-config-location nothing Plain $nolb --spring.config.location=file:/etc/depot/
once no-config-type nothing Plain $nolb --spring.config.import=vault://secret/depot
once no-logging-config nothing Plain $nolb --logging.config=classpath:logback-depot.xml
cat >target/classes/logback-away.xml <<'X'
<configuration><appender name="JSON" class="net.logstash.logback.appender.LoggingEventAsyncDisruptorAppender"><encoder class="net.logstash.logback.encoder.LogstashEncoder"/></appender><root level="INFO"><appender-ref ref="JSON"/></root></configuration>
X
once no-logstash-encoder nothing Plain $nolb --logging.config=classpath:logback-away.xml
once no-xml-class nothing Xml $nolb
once no-xml-file nothing Xml $nolb
rm -f target/classes/gates.xml
once no-xml-file nothing Xml $nolb
once no-properties-file nothing Sourced $nolb
once no-cache-manager nothing Cached $nolb --spring.cache.type=redis
once no-message nothing Worded $nolb
once no-jndi nothing Named $nolb
once no-changelog nothing Stored
once no-truststore nothing Plain $nolb --server.ssl.key-store=/etc/depot/keystore.p12 --server.ssl.key-store-password=x
once no-truststore-bundle nothing Plain $nolb --server.ssl.bundle=web
once no-context-listener nothing Plain $nolb --context.listener.classes=depot.Gone
once no-auto-exclude nothing Plain $nolb --spring.autoconfigure.exclude=depot.Gone
asked no-template nothing /page -- $nolb
asked no-thymeleaf 'thymeleaf|spring-boot-thymeleaf' /page -- $nolb
asked no-json 'jackson-databind' /data post:/gates -- $nolb
asked no-json-boot 'jackson|spring-boot-jackson' /data post:/gates -- $nolb
asked no-plugin-class nothing /deep /deep /bug -- $nolb
asked no-plugin-class-ecs nothing /deep /bug -- $nolb $ecs
asked no-plugin-class-stash nothing /deep /bug -- $nolb $stash
asked no-plugin-class-json-pattern nothing /deep -- $nolb '--logging.pattern.console={"ts":"%d{ISO8601}","level":"%p","logger":"%c","message":"%replace(%m){"\"",""}"}%n%nopex'
asked ok-requests nothing /data post:/gates bad:/gates xml:/data /none /bug -- $nolb
asked ok-requests-ecs nothing /data post:/gates bad:/gates xml:/data /none /bug -- $nolb $ecs
once ok-debug nothing Plain $nolb --debug
once ok-trace nothing Plain $nolb --logging.level.root=TRACE
once ok-debug-ecs nothing Plain $nolb --logging.level.root=DEBUG $ecs
once down-database nothing Stored $nolb --spring.datasource.url=jdbc:h2:tcp://127.0.0.1:9/depot --spring.datasource.hikari.initialization-fail-timeout=1 --spring.datasource.hikari.connection-timeout=400
python3 -m http.server $port >/dev/null 2>&1 &
busy=$!
sleep 1
once down-port nothing Plain $nolb
kill $busy
