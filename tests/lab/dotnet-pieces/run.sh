#!/bin/bash
# usage: run.sh FOLDER   .NET Core 3.1 and Mono programs with an assembly, a native library, a framework, ICU, a zone, a file or a program taken away.
# FOLDER must hold dotnetcore2/bin (the runtime in the Python package dotnetcore2, unzipped) and mono/ (mono-mcs, mono-runtime and libmono-* of Debian, unpacked).
set -u
here=$(cd "$(dirname "$0")" && pwd); cd "$1" || exit 1; base=$PWD
chmod +x dotnetcore2/bin/dotnet
export MONO_PATH=$base/mono/usr/lib/mono/4.5 MONO_CFG_DIR=$base/mono/etc
mono=("$base/mono/usr/bin/mono-sgen" --config "$base/mono/etc/mono/config")
mcs() { "${mono[@]}" "$base/mono/usr/lib/mono/4.5/mcs.exe" -nowarn:1701,1685 "$@"; }
shared=$base/dotnetcore2/bin/shared/Microsoft.NETCore.App; version=$(ls "$shared"); fw=$shared/$version
rm -rf app && mkdir app && cd app || exit 1
refs=(); for d in "$fw"/System*.dll "$fw"/netstandard.dll "$fw"/mscorlib.dll; do case $d in *Native*) ;; *) refs+=("-r:$d");; esac; done
echo 'public static class Log { public static int Level; public static void Line(string s) {} } public class LogKind {}' > Log.cs
echo 'public static class Log { }' > Less.cs
mcs -nostdlib -noconfig -t:library -out:Acme.Log.dll "${refs[@]}" Log.cs && mcs -nostdlib -noconfig -out:Pieces.dll "${refs[@]}" -r:Acme.Log.dll "$here/Pieces.cs" || exit 1
config() { printf '{"runtimeOptions":{"framework":{"name":"%s","version":"%s"},"configProperties":{"System.Globalization.Invariant":%s}}}' "$1" "$2" "$3" > Pieces.runtimeconfig.json; }
config Microsoft.NETCore.App "$version" true
say() { echo "# --- $*"; timeout 20 "$@" 2>&1 | cut -c1-400 | head -"${KEEP:-7}"; }
net() { say "$base/dotnetcore2/bin/dotnet" Pieces.dll "$@"; }
for c in dll entry zone culture culture2 region codepage charset file folder folder2 program type type2 load loadfrom bad activator resource stream down dns array null key drawing init brotli hash cert stack; do net $c; done
(ulimit -v 12000000; net memory); DOTNET_GCHeapHardLimit=3000000 COMPlus_GCHeapHardLimit=3000000 net memory; COMPlus_GCHeapHardLimit=10 net null; (ulimit -v 300000; net null)
openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost >/dev/null 2>&1
openssl s_server -accept 18443 -key k.pem -cert c.pem -www >/dev/null 2>&1 & server=$!; sleep 1; KEEP=14 net tls 18443; kill $server
mcs -nostdlib -noconfig -t:library -out:Acme.Log.dll "${refs[@]}" Less.cs; net log; net logtype; net logfield; rm Acme.Log.dll; net log
config Microsoft.NETCore.App 6.0.0 true; net null; config Microsoft.AspNetCore.App 3.1.0 true; net null; config Microsoft.NETCore.App "$version" false; net null; net culture2; echo '{' > Pieces.runtimeconfig.json; net null; rm Pieces.runtimeconfig.json; net null
config Microsoft.NETCore.App "$version" true; say "$base/dotnetcore2/bin/dotnet" Gone.dll; say "$base/dotnetcore2/bin/dotnet"; say "$base/dotnetcore2/bin/dotnet" run
without() { mv "$1" away; shift; "$@"; mv away "$lost"; }; less() { lost=$1; without "$@"; }
for d in System.Runtime.dll System.Private.CoreLib.dll libcoreclr.so libhostpolicy.so System.Native.so System.Net.Http.dll libclrjit.so; do [ -e "$fw/$d" ] && less "$fw/$d" net dll; done
less "$base/dotnetcore2/bin/host/fxr" net dll; less "$fw/System.Security.Cryptography.Native.OpenSsl.so" net hash
# the same under Mono
cp Log.cs x.cs; mcs -t:library -out:Acme.Log.dll x.cs; sed '/System.Net.Http;/d;/HttpClient/d;/Brotli/d' "$here/Pieces.cs" > p.cs; mcs -out:Pieces.exe -r:Acme.Log.dll -r:System.dll -r:System.Core.dll p.cs
for c in dll entry zone culture codepage charset file folder program type type2 load loadfrom bad resource null key init; do say "${mono[@]}" Pieces.exe $c; done
mcs -t:library -out:Acme.Log.dll Less.cs; say "${mono[@]}" Pieces.exe log; say "${mono[@]}" Pieces.exe logtype; say "${mono[@]}" Pieces.exe logfield; rm Acme.Log.dll; say "${mono[@]}" Pieces.exe log; say "${mono[@]}" Gone.exe
