#!/bin/bash
# Runs Pieces with one piece of the program or of the Java runtime taken away at a time.
#
#   run.sh JDK_HOME OUT_DIR
#
# Every file of OUT_DIR is one run, named by what was taken away. Needs about 600 MB in the temporary folder.
set -u
here=$(cd "$(dirname "$0")" && pwd)
jdk=$1 out=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$work/v1" "$work/v2" "$work/app" "$work/rest"
cd "$work" || exit 1
"$jdk/bin/javac" -d v1 "$here"/lib/v1/depot/*.java
"$jdk/bin/javac" -d v2 "$here"/lib/v2/depot/*.java
cp v1/depot/Movable.class v2/depot/ # asks again for a method that the trimmed Crate no longer has
"$jdk/bin/javac" -nowarn -cp v1 -d app "$here/app/Pieces.java" 2>/dev/null
java=$jdk/bin/java

keep() { # NAME COMMAND...
    local name=$1
    shift
    timeout 60 "$@" >"$out/$name.log" 2>&1 </dev/null
    sed -i "s|$work|/opt/app|g; s|$jdk|/opt/java|g" "$out/$name.log"
}
deed() { # NAME CLASSPATH DEED...
    local name=$1 path=$2
    shift 2
    keep "$name" "$java" -cp "$path" gate.Pieces "$@"
}

# a jar or a class of the application
for d in class pool logged logged-low twice; do deed "no-jar-$d" app $d; done
for d in class field method static-field constructor abstract interface reflect-constructor reflect-method reflect-field; do
    deed "old-jar-$d" app:v2 $d
done
deed no-main-class "$work/rest" x
keep no-jarfile "$java" -jar depot.jar
keep no-main-module "$java" -p rest -m depot.app/depot.Main
keep no-required-module "$java" --add-modules jdk.incubator.depot -cp app gate.Pieces ok
keep no-agent "$java" -javaagent:/opt/agents/apm.jar -cp app:v1 gate.Pieces ok
keep no-agentlib "$java" -agentlib:profiler -cp app:v1 gate.Pieces ok
keep no-agentpath "$java" -agentpath:/opt/agents/libprofiler.so -cp app:v1 gate.Pieces ok
keep no-argfile "$java" @/opt/app/java.args
echo "Name: x" >manifest; "$jdk/bin/jar" -c -f bare.jar -C v1 depot; keep no-manifest-main "$java" -jar bare.jar
echo x >broken.jar; keep broken-jar "$java" -jar broken.jar
mkdir -p services/META-INF/services && echo depot.AuditTask >services/META-INF/services/java.lang.Runnable
deed no-service-provider app:v1:services services
for d in native load-library services bundle resource resource-url properties exec digest provider keystore host sql xml-factory jndi script; do
    deed "no-$d" app:v1 $d
done
deed no-native-file app:v1 load /opt/app/native/libdepotcrc.so
deed no-zone-name app:v1 zone Mars/Base

# a module of the Java runtime (classpath programs), and debug information with it
image() { # NAME MODULES
    rm -rf "$work/$1"
    "$jdk/bin/jlink" --add-modules "$2" --strip-debug --output "$work/$1" 2>/dev/null
}
image base java.base
for d in logged https sql xml unsafe jndi charset charset-name zipfs zipfs-path keys script image; do
    java=$work/base/bin/java
    deed "base-image-$d" app:v1 $d "$work/bare.jar"
done
image http java.net.http,java.logging
java=$work/http/bin/java
deed http-image-keys app:v1 keys
deed http-image-charset app:v1 charset
deed http-image-zipfs app:v1 zipfs "$work/bare.jar"
deed http-image-zipfs-path app:v1 zipfs-path "$work/bare.jar"
[ -n "${HTTPS_URL:-}" ] && deed http-image-https app:v1 https "$HTTPS_URL"
java=$jdk/bin/java
[ -n "${HTTPS_URL:-}" ] && deed no-authority app:v1 https "$HTTPS_URL" && deed no-authority-old app:v1 https-old "$HTTPS_URL"

# a file of the Java runtime
without() { # NAME DEED FILE...
    local name=$1 d=$2
    shift 2
    rm -rf "$work/jre"
    cp -rL "$work/whole" "$work/jre"
    for f in "$@"; do rm -rf "$work/jre/$f"; done
    java=$work/jre/bin/java
    if [ "$d" = https ]; then deed "$name" app:v1 https "${HTTPS_URL:-https://127.0.0.1:1/}"; else deed "$name" app:v1 "$d" $([ "$d" = zipfs-path ] && echo "$work/bare.jar"); fi
    java=$jdk/bin/java
}
image whole java.se,jdk.unsupported,jdk.crypto.ec
without jre-no-tzdb zone lib/tzdb.dat
without jre-no-cacerts https lib/security/cacerts
without jre-no-security-file keys conf/security/java.security
without jre-no-security-conf keys conf
without jre-no-modules ok lib/modules
without jre-no-libjvm ok lib/server/libjvm.so
without jre-no-jvm-cfg ok lib/jvm.cfg
without jre-no-libjava ok lib/libjava.so
without jre-no-libjli ok lib/libjli.so
without jre-no-libjimage ok lib/libjimage.so
without jre-no-libnet host lib/libnet.so
without jre-no-libnio zipfs-path lib/libnio.so
without jre-no-libfontmanager image lib/libfontmanager.so
without jre-no-libawt image lib/libawt.so lib/libawt_headless.so
without jre-no-libfreetype image lib/libfreetype.so
without jre-no-xawt window lib/libawt_xawt.so
without jre-no-spawnhelper exec lib/jspawnhelper
without jre-no-instrument ok lib/libinstrument.so
without jre-image image lib/nothing
without jre-window window lib/nothing
without jre-no-logging-conf logged conf/logging.properties

# memory and options
mem() { # NAME OPTIONS... -- DEED
    local name=$1 options=()
    shift
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    keep "$name" "$java" "${options[@]}" -cp app:v1 gate.Pieces "$@"
}
mem mem-heap -Xmx16m -- heap
mem mem-heap-thread -Xmx16m -- heap-thread
mem mem-overhead -Xmx16m -XX:+UseParallelGC -XX:GCTimeLimit=20 -XX:GCHeapFreeLimit=90 -- strings
mem mem-serial -Xmx16m -XX:+UseSerialGC -- strings
mem mem-array -- array
mem mem-direct -XX:MaxDirectMemorySize=4m -- direct
mem mem-metaspace -XX:MaxMetaspaceSize=2m -- ok
mem mem-metaspace-start -XX:MaxMetaspaceSize=6m -- https ${HTTPS_URL:-https://127.0.0.1:1/}
mem mem-exit -Xmx16m -XX:+ExitOnOutOfMemoryError -- heap
mem mem-crash -Xmx16m -XX:+CrashOnOutOfMemoryError -XX:ErrorFile="$work/hs.log" -- heap
mem mem-dump -Xmx16m -XX:+HeapDumpOnOutOfMemoryError -XX:HeapDumpPath="$work/dump.hprof" -- heap
mem mem-hook -Xmx16m -XX:OnOutOfMemoryError=/opt/app/bin/on-oom.sh -- heap
mem mem-reserve -Xmx900000g -- ok
mem mem-heap-invalid -Xmx4gb -- ok
mem mem-heap-small -Xmx1k -- ok
mem mem-initial -Xms2g -Xmx1g -- ok
mem mem-stack-small -Xss1k -- ok
mem mem-stack -Xss256k -- stack
mem mem-codecache -XX:ReservedCodeCacheSize=1m -- ok
(ulimit -v 2000000; mem mem-address-space -Xmx1g -- ok)
(ulimit -v 3500000; mem mem-address-space-late -Xmx1g -Xms1g -XX:+AlwaysPreTouch -- threads)
mem mem-overcommit -Xms200g -Xmx200g -XX:+AlwaysPreTouch -XX:-UseCompressedOops -- ok
mem option-gc -XX:+UseConcMarkSweepGC -- ok
mem option-unknown -XX:MaxPermSize=64m -XX:+UseFastAccessorMethods -XX:+AggressiveOpts -- ok
mem option-shenandoah -XX:+UseShenandoahGC -- ok
mem option-jvmci -XX:+EnableJVMCI -XX:+UseJVMCICompiler -- ok
mem option-two-gcs -XX:+UseSerialGC -XX:+UseG1GC -- ok
mem option-x -Xfoo -- ok
mem option-long --enable-foo -- ok
mem option-experimental -XX:+UseEpsilonGC -- ok
mem option-diagnostic -XX:+LogVMOutput -- ok
mem option-log -Xlog:gc:file=/opt/app/logs/none/gc.log -- ok
mem option-cds -Xshare:on -XX:SharedArchiveFile=/opt/app/app.jsa -- ok
mem option-value -XX:MaxRAMPercentage=120 -- ok
mem option-bad-value -XX:ParallelGCThreads=abc -- ok
mem option-plus -XX:UseG1GC -- ok
mem option-jmx -Dcom.sun.management.jmxremote.port=9010 -Dcom.sun.management.jmxremote.password.file=/opt/app/jmx.password -- ok
mem option-security -Djava.security.properties=/opt/app/none.security -Djava.security.manager -- ok
mem option-trust -Djavax.net.ssl.trustStore=/opt/app/trust.p12 -- https ${HTTPS_URL:-https://127.0.0.1:1/}
mem option-tz -Duser.timezone=Mars/Base -- zone
mem option-large-pages -XX:+UseLargePages -- ok
mem option-opens --add-opens=java.nothing/java.lang=ALL-UNNAMED -- ok
