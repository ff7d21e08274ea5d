#!/bin/bash
# usage: run.sh   PHP, Ruby, Perl, Lua and Rust programs whose extension, module, class, file or variable was taken away.
set -u
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
say() { echo "# $*"; timeout 20 "$@" 2>&1 | head -${KEEP:-8}; }
php_say() { echo "<?php $1" > page.php; say php -d display_errors=stderr -d html_errors=0 page.php; }
say php -d extension=imagick -r 'echo 1;'; say php -d extension=/opt/gone/apcu.so -r 'echo 1;'; say php -d zend_extension=opcachex -r 'echo 1;'
php_say 'echo bcadd("1","2");'; php_say 'function total($a) { return intl_get_error_code(); } total(1);'; php_say 'new \App\Billing\Invoice();'; php_say 'Foo\Bar::run();'
php_say 'new NumberFormatter("de", 1);'; php_say 'echo CURLOPT_URL;'; php_say 'class A implements \Psr\Container\ContainerInterface {}'; php_say 'class A { use \App\Loggable; }'; php_say 'class A extends \Vendor\Base {}'
php_say 'require "/app/vendor/autoload.php";'; php_say 'require_once __DIR__."/config/db.php";'; php_say 'include "missing.inc";'; php_say 'new PDO("pgsql:host=x");'; php_say 'simplexml_load_file("/app/conf/menu.xml");'
php_say 'file_get_contents("/etc/app/secret.key");'; php_say 'mb_convert_encoding("a","UTF-8","SJISX");'; php_say '$s=str_repeat("a",1<<30);'; php_say 'enum Suit: string { case A = "a"; } Suit::from("b");'
php_say 'ini_set("memory_limit","2M"); $a=range(1,1000000);'; php_say 'set_time_limit(1); while(1);'; php_say 'function f(){f();} f();'; php_say '$x = imagecreatetruecolor(1,1);'; php_say 'setlocale(LC_ALL,"xx") ?: print("false\n"); echo dgettext("a","b");'
php_say 'null->x();'; php_say '$o=null; $o->save();'
rb() { echo "$1" > job.rb; say ruby job.rb; }
rb 'require "pg"'; rb 'require_relative "lib/worker"'; rb 'load "/app/config/boot.rb"'; rb 'module App; class X; def go; Report::Writer.new; end; end; end; App::X.new.go'; rb 'Billing::Invoice'
rb 'system("ffmpeg9 -version") or abort "x"; `rsvg9`'; rb 'exec "rsvg9"'; rb 'File.read("/etc/app/database.yml")'; rb 'ENV.fetch("DATABASE_URL")'; rb 'gem "rails", "~> 7.1"'; rb 'require "fiddle"; Fiddle.dlopen("libsodium.so.23")'; rb 'require "ffi"'
rb 'def f; f; end; f'; rb '"a" * (1 << 62)'; rb 'nil.upcase'; rb 'Process.setrlimit(:NOFILE, 10); 20.times.map { File.open("/dev/null") }'; rb 'require "socket"; TCPSocket.new("orders.internal", 80)'; rb '"a".encode("EUC-JIS-2004X")'
printf 'source "https://rubygems.org"\ngem "sidekiq", "~> 7"\n' > Gemfile; say bundle exec ruby -e 1; printf 'BAD' > /dev/null; say bundle check; rm Gemfile; say bundle exec ruby -e 1; say rake9
pl() { echo "$1" > job.pl; say perl job.pl; }
pl 'use DBD::PgX;'; pl 'require "config/site.pl";'; pl 'eval { require JSON::XSX } or warn "fallback: $@"; print "ok\n";'; pl 'use lib "/app/lib"; use MyApp::Schema; '; pl 'system("pg_dump9") == 0 or die "dump: $!";'; pl 'use warnings; system("pg_dump9", "-v");'; pl 'use warnings; my $x=`rsvg9 -h`;'
pl 'open(my $f, "<", "/etc/app/app.conf") or die "cannot open /etc/app/app.conf: $!";'; pl 'App::Thing->run();'; pl 'my $x; $x->run;'; pl 'my $r = "x" x (1<<40);'; pl 'use POSIX; POSIX::nosuch();'; pl 'Foo::bar();'; pl 'use 5.050;'
mkdir auto; pl 'require DynaLoader; @ISA=("DynaLoader"); package Crypt::X; @ISA=("DynaLoader"); bootstrap Crypt::X;'
pl 'use Socket; my ($e)=Socket::getaddrinfo("orders.internal","80"); die "resolve: $e\n" if $e;'
for l in lua5.4; do echo 'require "cjson"' > j.lua; say $l j.lua; echo 'local s = require("socket.core")' > j.lua; say $l -e 'dofile("/app/init.lua")'; say $l -e 'local f = assert(io.open("/etc/app/rules.lua"))'; say $l -e 'local function f() return f()+1 end; local g; g=function() return g()+1 end; g()'; say $l -e 'print(package.loadlib("/usr/lib/gone.so","*"))'; say $l -e 'local x; x.y()'; done
cat > svc.rs <<'R'
use std::{env, fs, net::ToSocketAddrs, process::Command, thread};
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let a: Vec<String> = env::args().collect();
    match a[1].as_str() {
        "env" => { env::var("BROKER_URL").expect("BROKER_URL must be set"); }
        "env2" => { env::var("BROKER_URL")?; }
        "env3" => { let v: Result<String, _> = env::var("BROKER_URL"); v.unwrap(); }
        "file" => { fs::read_to_string("/etc/relay/relay.toml").expect("read /etc/relay/relay.toml"); }
        "file2" => { fs::read_to_string("/etc/relay/relay.toml")?; }
        "file3" => { fs::read_to_string("/etc/relay/relay.toml").map_err(|e| format!("config /etc/relay/relay.toml: {e}"))?; }
        "dns" => { ("orders", 80).to_socket_addrs()?; }
        "dns2" => { ("orders", 80).to_socket_addrs().expect("resolve orders"); }
        "run" => { Command::new("pg_restore9").status().expect("failed to execute pg_restore9"); }
        "run2" => { Command::new("pg_restore9").status()?; }
        "alloc" => { let v: Vec<u8> = Vec::with_capacity(1 << 46); println!("{}", v.capacity()); }
        "stack" => { fn f(n: u64) -> u64 { if n == 0 { 0 } else { 1 + f(n + 1) } } println!("{}", f(1)); }
        "threads" => { for _ in 0..100000 { thread::spawn(|| loop { thread::park() }); } }
        "files" => { let mut v = vec![]; loop { v.push(fs::File::open("/dev/null")?); } }
        "index" => { let v: Vec<u8> = vec![]; println!("{}", v[a.len()]); }
        "none" => { let o: Option<u8> = None; o.unwrap(); }
        "down" => { std::net::TcpStream::connect("127.0.0.1:9")?; }
        _ => {}
    }
    Ok(())
}
R
rustc -O svc.rs 2>/dev/null; rustc -O -C strip=symbols -o svc-s svc.rs 2>/dev/null
for c in env env2 env3 file file2 file3 dns dns2 run run2 alloc stack index none down; do say ./svc $c; done
RUST_BACKTRACE=1 KEEP=30 say ./svc-s none; RUST_BACKTRACE=full KEEP=30 say ./svc-s none
(ulimit -n 12; say ./svc files); (ulimit -u 90; say setpriv --reuid 1 --clear-groups ./svc threads)
