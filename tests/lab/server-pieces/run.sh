#!/bin/bash
# usage: run.sh   servers and tools of Debian with one module, library, zone, user or file taken away, or one limit taken down.
set -u
work=$(mktemp -d); chmod 755 "$work"; trap 'rm -rf "$work"' EXIT; cd "$work"
say() { echo "# $*"; timeout 20 bash -c "$*" 2>&1 | head -${KEEP:-8}; }
# a root that holds one program and its libraries but one
rooted() { # PROGRAM LEFT_OUT ARGS
  local program=$1 gone=$2; shift 2; local root=$work/root; rm -rf "$root"; mkdir -p "$root/etc" "$root/tmp" "$root/dev"
  for f in "$program" $(ldd "$program" | grep -o '/[^ ]*'); do [[ -n $gone && $f == *"$gone"* ]] || cp --parents -L "$f" "$root"; done
  echo "# chroot: $program without $gone"; (timeout 8 chroot "$root" "$program" "$@") 2>&1 | head -4
}
rooted /usr/sbin/nginx libpcre2-8 -t; rooted /usr/sbin/nginx "" -t; rooted /usr/bin/redis-server liblzf --version; rooted /usr/bin/curl libnghttp2 -V; rooted /usr/bin/curl "" -sS https://example.org/; rooted /usr/bin/git libpcre2 version
rooted /usr/sbin/mariadbd libaio --version; rooted /usr/sbin/mariadbd liburing --version; rooted /usr/lib/postgresql/15/bin/postgres libxml2 --version; rooted /usr/sbin/haproxy liblua -v; rooted /usr/sbin/apache2 libaprutil -v; rooted /usr/bin/memcached libevent -V; rooted /usr/bin/memcached "" -u memcache
rooted /usr/bin/php8.2 libonig -v; rooted /usr/bin/ruby3.1 libruby -v; rooted /usr/bin/curl ld-linux; rooted /usr/bin/node libuv -v; rooted /usr/bin/php8.2 "" -r 'echo date_default_timezone_get(); new DateTimeZone("Asia/Tokyo");'
rooted /usr/bin/id "" ; rooted /usr/bin/whoami ""; rooted /usr/bin/getent "" hosts example.org; rooted /bin/bash "" -c 'curl x; echo "$USER"; tar xz'; rooted /bin/dash "" -c 'curl x; ls'; rooted /usr/bin/tput "" cols; rooted /usr/bin/tar "" xzf /etc/x.tgz
printf '' > /tmp/e.tgz; rooted /usr/bin/tar "" czf /tmp/o.tgz /etc
say apache2 -t -C 'LoadModule\ security2_module\ /usr/lib/apache2/modules/mod_security2.so'; printf 'LoadModule geoip_module /usr/lib/apache2/modules/mod_geoip.so\n' > a.conf; say apache2 -t -f $work/a.conf
printf 'ServerRoot /etc/apache2\nUser apachex\n' > a.conf; say apache2 -t -f $work/a.conf; printf 'ServerRoot /etc/apache2\nSSLEngine on\n' > a.conf; say apache2 -t -f $work/a.conf; printf 'Include /etc/apache2/gone.conf\n' > a.conf; say apache2 -t -f $work/a.conf
printf 'load_module modules/ngx_stream_js_module.so;\nevents{}\n' > n.conf; say nginx -t -c $work/n.conf; printf 'events{ worker_connections 4; }\nhttp{ server { listen 8431; location / { proxy_pass http://127.0.0.1:8431; } } }\n' > n.conf
say "nginx -c $work/n.conf -g 'daemon off; error_log stderr;' & sleep 1; curl -s localhost:8431 >/dev/null; sleep 1; kill %1"
printf 'events{ }\nhttp{ server { listen 8432 ssl; ssl_certificate /etc/ssl/gone.pem; ssl_certificate_key /etc/ssl/gone.key; } }\n' > n.conf; say nginx -t -c $work/n.conf; printf 'events{ }\nhttp{ include /etc/nginx/gone.types; }\n' > n.conf; say nginx -t -c $work/n.conf
say redis-server --port 0 --unixsocket $work/s --loadmodule /usr/lib/redis/modules/redistimeseries.so; say "redis-server --port 6412 --maxmemory 1mb --save '' & sleep 1; for i in \$(seq 9); do redis-cli -p 6412 set k\$i \$(head -c 200000 /dev/zero | tr '\\0' a); done | tail -2; kill %1" ; say "redis-server --port 6413 --maxclients 1 --save '' > /dev/null & sleep 1; (sleep 2 | redis-cli -p 6413 monitor) & sleep 1; redis-cli -p 6413 ping; kill %1"
# postgres
pg=/usr/lib/postgresql/15/bin; chown postgres "$work"; run_pg() { su postgres -c "$*" 2>&1; }
run_pg "$pg/initdb -D $work/pg -A trust >/dev/null"; run_pg "$pg/initdb --locale=nl_NL.UTF-8 -D $work/pg2" | tail -3; start() { run_pg "$pg/pg_ctl -D $work/pg -w -l $work/pg.log -o '-k $work -c listen_addresses= $*' start" >/dev/null; }
start; q() { echo "# psql $*"; run_pg "psql -h $work -d postgres -Xc \"$*\""; }
q "create extension postgis"; q "load 'wal2json'"; q "select pg_create_logical_replication_slot('s','wal2json')"; q "set timezone to 'Europe/Oslox'"; q "select now() at time zone 'Asia/Tokyox'"; q "create collation nl (locale='nl_NL.utf8')"; q "create function f() returns int language c as 'gone_lib','f'"; q "create function g() returns int language plpython3u as ''"; q "select pg_read_file('/etc/app/x')"
q "create text search dictionary d (template = ispell, dictfile = nl_nl, afffile = nl_nl)"; q "select crypt('a','b')"; q "select uuid_generate_v4()"
echo "# pg.log"; grep -vE 'STATEMENT|starting|listening|ready|checkpoint' $work/pg.log | head -24; run_pg "$pg/pg_ctl -D $work/pg -w stop -m fast" >/dev/null
for o in "-c shared_preload_libraries=pg_cron" "-c timezone=Europe/Oslox" "-c lc_messages=nl_NL.UTF-8" "-c log_timezone=Mars/Base" "-c ssl=on" "-c shared_buffers=900GB" "-c jit_provider=llvmjitx" "-c hba_file=/etc/pg/hba.conf"; do : > $work/pg.log; start "$o"; echo "# postgres $o"; tail -3 $work/pg.log; run_pg "$pg/pg_ctl -D $work/pg -w stop -m fast" >/dev/null; done
: > $work/pg.log; start "-c max_connections=4 -c superuser_reserved_connections=2"; q "create role web login"; for i in 1 2 3; do su postgres -c "psql -h $work -U web -d postgres -c 'select pg_sleep(2)'" 2>&1 & done; wait; q "show max_connections"; run_pg "$pg/pg_ctl -D $work/pg -w stop -m fast" >/dev/null; echo "# pg.log"; grep FATAL $work/pg.log
start "-c max_locks_per_transaction=10 -c max_connections=5"; q "do \\\$\\\$ begin for i in 1..5000 loop execute format('create table t%s(a int)', i); end loop; end \\\$\\\$"; q "select 1"; run_pg "$pg/pg_ctl -D $work/pg -w stop -m fast" >/dev/null
