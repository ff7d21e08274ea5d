#!/bin/bash
# usage: run.sh   ordinary programs under a seccomp filter that takes one system call away (numbers of x86-64).
set -u
here=$(cd "$(dirname "$0")" && pwd); work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; gcc -o "$work/deny" "$here/deny.c" || exit 1; cd "$work"
say() { echo "# $*"; timeout 15 bash -c "./deny $*; exit \$?" 2>&1 </dev/null | head -7; }
printf 'events{ use epoll; }\nhttp{ server { listen 8466; } }\n' > n.conf
for answer in 38 1 0; do
  say $answer 291 nginx -g "'daemon off; error_log stderr;'" -c "$work/n.conf"   # epoll_create1
  say $answer 291 redis-server --port 6466 --save "''"
  say $answer 41 curl -sS http://127.0.0.1:9/                                     # socket
  say $answer 53 ruby -rsocket -e "'UNIXSocket.pair'"                             # socketpair
  say $answer 56 bash -c "'ls | cat'"                                             # clone
  say $answer 435 ruby -e "'Thread.new{}.join'"                                   # clone3
  say $answer 318 perl -e "'srand; print rand'"                                   # getrandom
  say $answer 318 php -r "'random_bytes(4);'"
  say $answer 332 ls -l /etc/hostname                                             # statx
  say $answer 253 python3 -c "'import ctypes,os; l=ctypes.CDLL(None,use_errno=True); r=l.inotify_init(); print(OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())).__repr__())'"
  say $answer 157 ssh -V                                                          # prctl
  say $answer 116 chroot --userspec=nobody / id                                   # setgroups
  say $answer 105 setpriv --reuid nobody id                                       # setuid
  say $answer 272 unshare -n true                                                 # unshare
  say $answer 9 /bin/true                                                         # mmap
  say $answer 12 true                                                             # brk
  say $answer 87 rm -f "$work/none"                                               # unlink
  say $answer 40 cp /etc/hostname "$work/h"                                       # sendfile
  say $answer 326 cp /etc/hostname "$work/i"                                      # copy_file_range
  say $answer 257 cat /etc/hostname                                               # openat
  say $answer 302 bash -c "'ulimit -n 100; echo ok'"                              # prlimit64
  say $answer 92 chown nobody "$work/h"; say $answer 260 chown nobody "$work/h"   # chown, fchownat
  say $answer 50 nc -l 8477; say $answer 49 python3 -m http.server 8478           # listen, bind
done
