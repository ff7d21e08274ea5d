#!/bin/bash
# usage: run.sh   builds a program and a library against glibc and musl, spoils one thing at a time and prints what the loader says.
set -u
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
say() { echo "# $*"; "$@" 2>&1 | head -12; }
build() { # COMPILER SUFFIX
  $1 -shared -fPIC -Wl,-soname,libcodec.so.1 -o libcodec.so.1 "$here/codec.c"
  $1 -o "player$2" "$here/player.c" ./libcodec.so.1 -Wl,-rpath,'$ORIGIN' -ldl
}
spoil() { # PROGRAM
  cp libcodec.so.1 keep
  rm libcodec.so.1; say "./$1"
  echo 'not an object' > libcodec.so.1; say "./$1"
  head -c 200 /dev/zero > libcodec.so.1; say "./$1"
  : > libcodec.so.1; say "./$1"
  head -c 400 keep > libcodec.so.1; say "./$1"
  cp keep libcodec.so.1; printf '\x01' | dd of=libcodec.so.1 bs=1 seek=4 conv=notrunc 2>/dev/null; say "./$1"
  cp keep libcodec.so.1; printf '\xb7' | dd of=libcodec.so.1 bs=1 seek=18 conv=notrunc 2>/dev/null; say "./$1"
  cp keep libcodec.so.1; chmod 000 libcodec.so.1; say setpriv --reuid 1000 "./$1"; chmod 755 libcodec.so.1
  cp keep libcodec.so.1
  say "./$1" dlopen libfilter.so.2
  say "./$1" dlopen ./libcodec.so.1 codec_flush
  echo 'int codec_other(void){return 0;}' > o.c; $CC -shared -fPIC -Wl,-soname,libcodec.so.1 -o libcodec.so.1 o.c; say "./$1"
  LD_BIND_NOW=1 say "./$1"
  cp keep libcodec.so.1
}
CC=gcc; build gcc ""; chmod 755 "$work"; spoil player
# symbol versions: the program was linked against a newer library than the one left
printf 'CODEC_2.0 { global: codec_open; local: *; };\n' > v2.map; printf 'CODEC_1.0 { global: codec_open; local: *; };\n' > v1.map
gcc -shared -fPIC -Wl,-soname,libcodec.so.1,--version-script=v2.map -o libcodec.so.1 "$here/codec.c"
gcc -o player2 "$here/player.c" ./libcodec.so.1 -Wl,-rpath,'$ORIGIN'
gcc -shared -fPIC -Wl,-soname,libcodec.so.1,--version-script=v1.map -o libcodec.so.1 "$here/codec.c"; say ./player2
printf 'CODEC_2.0 { global: codec_x; local: *; };\n' > v3.map; echo 'int codec_x(void){return 0;}' > x.c
gcc -shared -fPIC -Wl,-soname,libcodec.so.1,--version-script=v3.map -o libcodec.so.1 x.c; say ./player2
gcc -shared -fPIC -Wl,-soname,libcodec.so.1 -o libcodec.so.1 "$here/codec.c"; say ./player2   # the harmless warning
CC=musl-gcc; build musl-gcc -musl; spoil player-musl
say /lib/ld-musl-x86_64.so.1 /usr/sbin/nginx -t
say /lib/ld-musl-x86_64.so.1 /bin/ls
# an interpreter that is not there, by every shell
build gcc ""; cp player player-noint; sed -i 's#/lib64/ld-linux-x86-64.so.2#/lib64/ld-linux-x86-64.so.9#' player-noint
printf '#!/opt/gone/python3 -u\nprint(1)\n' > job.py; printf '#!/usr/bin/env ruby9\nputs 1\n' > job.rb; chmod +x job.py job.rb
printf '\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00' > arm; head -c 300 /dev/zero >> arm; chmod +x arm
for shell in "bash -c" "dash -c" "busybox sh -c" "env" "busybox env" "chroot /" "nice" "timeout 5" "xargs -a /dev/null" "nohup" "setpriv --nnp" "unshare -m" "perl -e exec+shift;die+qq(exec:\$!)"; do
  for program in ./player-noint ./job.py ./job.rb ./arm ./nothing rsvg-convert9; do
    # shellcheck disable=SC2086
    case $shell in chroot*) say $shell "$work/${program#./}";; *) say $shell $program;; esac
  done
done
say bash -c 'exec ./nothing'; say dash -c 'exec ./nothing'; say bash -c 'rsvg-convert9 a.svg | cat'
