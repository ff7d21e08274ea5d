#!/bin/bash
# usage: run.sh   takes locales, users, zones, authorities, terminals and resolvers from ordinary Debian programs and prints what they say.
set -u
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; cd "$work"
say() { echo "# $*"; "$@" 2>&1 | head -12; }
sh_say() { echo "# $*"; bash -c "$*" 2>&1 | head -12; }
export LC_ALL=nl_NL.UTF-8
say perl -e 'print "ok\n"'; sh_say 'bash -c true'; say locale; say man -w ls; say psql --version
printf '#include <locale>\nint main(){ std::locale l("nl_NL.UTF-8"); }\n' > l.cc && LC_ALL=C g++ -o l l.cc && say ./l
printf '#include <locale>\n#include <iostream>\nint main(){ try { std::locale::global(std::locale("")); } catch (std::exception &e) { std::cerr << "ledger: " << e.what() << "\\n"; return 1; } }\n' > m.cc && LC_ALL=C g++ -o m m.cc && say ./m
export LC_ALL=C
say iconv -f SHIFT_JISX -t UTF-8 /etc/hostname; echo "# gconv modules gone"; GCONV_PATH=/nowhere iconv -f SHIFT_JIS -t UTF-8 /etc/hostname 2>&1
php -r 'var_dump(iconv("SHIFT_JISX","UTF-8","a"));' 2>&1 | head -3
# users
for id in 4711; do say setpriv --reuid $id --clear-groups whoami; say setpriv --reuid $id --regid $id --clear-groups id -un
  say setpriv --reuid $id --regid $id --clear-groups groups; say setpriv --reuid $id --clear-groups ssh localhost
  say setpriv --reuid $id --clear-groups env -i bash -ic 'echo "\u" ; PS1="\u@h "; echo "${PS1@P}"'
  say setpriv --reuid $id --clear-groups /usr/lib/postgresql/15/bin/initdb -D /tmp/x9
  say setpriv --reuid $id --clear-groups psql -h /tmp postgres; say setpriv --reuid $id --clear-groups git -C / commit --allow-empty -m x
  say setpriv --reuid $id --clear-groups ruby -retc -e 'Etc.getpwuid(4711); p Etc.getpwnam("app")'
  say setpriv --reuid $id --clear-groups perl -e 'my @p = getpwuid($<) or die "no passwd entry for uid $<\n"'
done
say id app; say chown app /tmp; say chown app:web /tmp; say chgrp web /tmp; say busybox chown app /tmp; say busybox chgrp web /tmp; say su app; say busybox su app
say install -o app /etc/hostname "$work/h"; say find / -maxdepth 0 -user app; say setpriv --reuid app true; say busybox id app; say busybox chpst -u app true; say start-stop-daemon --start --chuid app --exec /bin/true
say runuser -u app true; say sudo -u app true; say getent passwd app; say crontab -u app -l; say newgrp web
printf 'user app;\nevents{}\nhttp{}\n' > n.conf; say nginx -t -c "$work/n.conf"; printf 'user root web;\nevents{}\nhttp{}\n' > n.conf; say nginx -t -c "$work/n.conf"
# zones
php -d error_log= -d display_errors=stderr -r 'new DateTimeZone("Europe/Oslox");' 2>&1 | head -4
php -d date.timezone=Europe/Oslox -r 'echo date("c"),"\n";' 2>&1 | head
php -r 'date_default_timezone_set("Europe/Oslox");' 2>&1 | head -3
# terminals
export TERM=wezterm9
say tput cols; say clear; say top -n1; say watch -n1 true; say infocmp; say reset; say less --version; say busybox clear; say nano; say vi -c q; say tmux ls; say screen -ls; say htop
perl -e 'require Term::Cap; Term::Cap->Tgetent({TERM=>"wezterm9",OSPEED=>9600})' 2>&1 | head -2
python3 -c 'import curses; curses.setupterm()' 2>&1 | tail -1
python3 -c 'import curses; curses.initscr()' 2>&1 | tail -1
