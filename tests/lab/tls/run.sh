#!/bin/bash
# usage: run.sh   a TLS server of one's own authority, and clients whose authorities, curves, ciphers or providers were taken away.
set -u
work=$(mktemp -d); cd "$work"
say() { echo "# $*"; timeout 8 "$@" 2>&1 | head -${KEEP:-9}; }
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj "/O=Harbour/CN=Harbour Root" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout s.key -out s.csr -subj /CN=localhost 2>/dev/null
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' > ext
openssl x509 -req -in s.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out s.crt 2>/dev/null
openssl s_server -accept 8443 -cert s.crt -key s.key -www -quiet >/dev/null 2>server.log & a=$!
openssl s_server -accept 8444 -cert s.crt -key s.key -www -quiet -curves P-521 -tls1_2 >/dev/null 2>curve.log & b=$!
openssl s_server -accept 8445 -cert s.crt -key s.key -www -quiet -tls1_3 -groups P-521 >/dev/null 2>group.log & d=$!
trap 'kill $a $b $d; rm -rf "$work"' EXIT
sleep 1
say curl -sS https://localhost:8443/; say curl -sS --cacert /etc/ssl/gone.pem https://localhost:8443/; say curl -sS --capath /nowhere --cacert /dev/null https://localhost:8443/
SSL_CERT_FILE=/nowhere SSL_CERT_DIR=/nowhere say curl -sS https://localhost:8443/
say wget -O- https://localhost:8443/; say wget --ca-certificate=/etc/ssl/gone.pem -O- https://localhost:8443/
say git ls-remote https://localhost:8443/x.git; GIT_SSL_CAINFO=/etc/ssl/gone.pem say git ls-remote https://localhost:8443/x.git
KEEP=14 say openssl s_client -connect localhost:8443 -brief </dev/null; say openssl s_client -connect localhost:8443 -verify_return_error -CAfile /etc/ssl/gone.pem </dev/null
KEEP=3 say openssl s_client -connect localhost:8443 -verify_return_error </dev/null
say openssl verify s.crt
say ruby -ropen-uri -e 'URI.open("https://localhost:8443/")'; say ruby -rnet/http -e 'begin; Net::HTTP.get(URI("https://localhost:8443/")); rescue => e; warn "feed: #{e.class}: #{e.message}"; end'
say php -r 'file_get_contents("https://localhost:8443/");'
say perl -MIO::Socket::SSL -e 'IO::Socket::SSL->new("localhost:8443") or die "connect: $IO::Socket::SSL::SSL_ERROR"'
say perl -MHTTP::Tiny -e 'my $r = HTTP::Tiny->new(verify_SSL => 1)->get("https://localhost:8443/"); print $r->{content}'
say python3 -c 'import urllib.request as u; u.urlopen("https://localhost:8443/")'
say psql 'host=localhost sslmode=verify-full sslrootcert=/etc/ssl/gone.pem dbname=postgres'
say curl -sS -k --curves X25519 https://localhost:8444/; say curl -sS -k --ciphers AES128-SHA --tls-max 1.2 https://localhost:8444/; say curl -sS -k --curves X25519 --tlsv1.3 https://localhost:8445/
say openssl s_client -connect localhost:8445 -groups X25519 -quiet </dev/null; say wget --no-check-certificate -O- https://localhost:8444/
say curl -sS -k --tlsv1.3 https://localhost:8444/; say curl -sS -k --tls-max 1.2 https://localhost:8445/
say curl -sS https://localhost:5/; say curl -sS https://nosuch.invalid/
echo "# server log, one curve"; cat curve.log; echo "# server log, one group"; cat group.log
echo "# server log, client that does not know the authority"; head -8 server.log
# providers and engines
say openssl dgst -md4 /etc/hostname; OPENSSL_MODULES=/nowhere say openssl dgst -md4 -provider legacy /etc/hostname; say openssl dgst -engine pkcs11 /etc/hostname
printf 'openssl_conf = c\n[c]\nproviders = p\n[p]\ndefault = d\nfips = f\n[d]\nactivate = 1\n[f]\nactivate = 1\n' > p.cnf; OPENSSL_CONF=$work/p.cnf say openssl dgst -sha256 /etc/hostname
printf '.include /etc/ssl/gone.cnf\n' > q.cnf; OPENSSL_CONF=$work/q.cnf say openssl version
OPENSSL_CONF=$work/p.cnf say curl -sS https://localhost:8443/
