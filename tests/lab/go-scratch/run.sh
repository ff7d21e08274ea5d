#!/bin/bash
# usage: run.sh   builds the service without cgo and runs it in an empty root, each piece taken away; prints what it prints.
set -u
cd "$(dirname "$0")"
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
CGO_ENABLED=0 go build -o "$root/billing" . || exit 1
mkdir "$root/tls" "$root/script" "$root/dev"
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$root/tls/server.key" -out "$root/tls/server.crt" -days 30 \
  -subj /CN=orders.internal -addext subjectAltName=IP:127.0.0.1 2>/dev/null
printf '#!/bin/bash\necho hi\n' > "$root/script/hook.sh"
chmod +x "$root/script/hook.sh"
in_root() { echo "# $*"; (cd / && env -i ${HOW:+HOW=$HOW} ${ZONE:+TZ=$ZONE} unshare -n chroot "$root" /bin/true 2>/dev/null; env -i ${HOW:+HOW=$HOW} ${ZONE:+TZ=$ZONE} unshare -n sh -c 'ip link set lo up 2>/dev/null; exec chroot "$0" /billing "$@"' "$root" "$@") 2>&1 | head -${LINES_KEPT:-12}; }
for how in plain panic json text wrap; do
  export HOW=$how
  in_root zone Asia/Kolkata
  in_root lookup orders
  in_root dial orders.shop.svc:5432
  in_root get http://orders/
  in_root own-ca
  in_root exec git
  in_root script /script/hook.sh
  in_root open /etc/billing/config.yaml
done
export HOW=
in_root frames
for c in curve cipher version "user app" "uid 1000" "gid 1000" "group app" current cache config home temp "template /tpl/*.html" \
  "templates /tpl/invoice.html" "driver postgres" image "mime .svg" "keypair /etc/tls/tls.crt" nil; do
  # shellcheck disable=SC2086
  in_root $c
done
# resolver files present, the domain's search list unknown to the server
mkdir -p "$root/etc"
printf 'nameserver 127.0.0.1\nsearch shop.svc.cluster.local\n' > "$root/etc/resolv.conf"
in_root lookup orders
printf 'nameserver 127.0.0.1\n' > "$root/etc/resolv.conf"
for code in 3 2; do in_root name-server $code orders; in_root name-server $code orders.shop.svc; done
# a user file without the user
printf 'root:x:0:0::/:/bin/sh\n' > "$root/etc/passwd"; printf 'root:x:0:\n' > "$root/etc/group"
for c in "user app" "uid 1000" "gid 1000" "group app"; do
  # shellcheck disable=SC2086
  in_root $c
done
in_root plugin /app/plugins/audit.so
CGO_ENABLED=1 go build -o "$root/billing-cgo" . && (chroot "$root" /billing-cgo home; CGO_ENABLED=1 go build -o "$root/../billing-cgo" . && "$root/../billing-cgo" plugin /app/plugins/audit.so; rm -f "$root/../billing-cgo") 2>&1 | head -4
CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$root/stripped" .; go tool nm "$root/stripped" 2>&1 | head -2; nm "$root/stripped" 2>&1 | head -2
chroot "$root" /stripped nil 2>&1 | head -8
gdb -batch -ex run -ex bt --args "$root/stripped" nil 2>&1 | grep -vE '^\[|Thread' | tail -12
