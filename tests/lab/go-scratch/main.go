// A service with one subcommand a piece it needs; run.sh takes each piece away and keeps what the program prints.
package main

import (
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"html/template"
	"image"
	"log"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"plugin"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func must(what string, err error) {
	if err == nil {
		log.Printf("%s: ok", what)
		return
	}
	switch os.Getenv("HOW") {
	case "panic":
		panic(err)
	case "json":
		slog.New(slog.NewJSONHandler(os.Stderr, nil)).Error(what, "err", err)
		os.Exit(1)
	case "text":
		slog.New(slog.NewTextHandler(os.Stderr, nil)).Error(what, "err", err)
		os.Exit(1)
	case "wrap":
		fmt.Fprintln(os.Stderr, fmt.Errorf("billing: %s: %w", what, err))
		os.Exit(1)
	}
	log.Fatalf("%s: %v", what, err)
}

func get(url string) error {
	r, err := (&http.Client{Timeout: 3 * time.Second}).Get(url)
	if err == nil {
		r.Body.Close()
	}
	return err
}

func serveTLS(curves []tls.CurveID, suites []uint16) string {
	cert, err := tls.LoadX509KeyPair("/tls/server.crt", "/tls/server.key")
	must("load key pair", err)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: tls.VersionTLS12, CurvePreferences: curves, CipherSuites: suites})
	must("listen", err)
	s := &http.Server{}
	go s.Serve(l)
	return "https://" + l.Addr().String()
}

func main() {
	arg := ""
	if len(os.Args) > 2 {
		arg = os.Args[2]
	}
	var err error
	switch os.Args[1] {
	case "zone":
		_, err = time.LoadLocation(arg)
	case "lookup":
		_, err = net.LookupHost(arg)
	case "name-server": // answers every question with the response code given: 3 is "no such name", 2 "server failure"
		c, bad := net.ListenPacket("udp", "127.0.0.1:53")
		must("name server", bad)
		code, _ := strconv.Atoi(arg)
		go func() {
			for b := make([]byte, 512); ; {
				n, from, _ := c.ReadFrom(b)
				b[2], b[3] = 0x81, 0x80|byte(code)
				c.WriteTo(b[:n], from)
			}
		}()
		_, err = net.LookupHost(os.Args[3])
	case "dial":
		_, err = net.DialTimeout("tcp", arg, 2*time.Second)
	case "get":
		err = get(arg)
	case "own-ca":
		err = get(serveTLS(nil, nil))
	case "curve":
		url := serveTLS([]tls.CurveID{tls.CurveP521}, nil)
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}}}}
		_, err = c.Get(url)
		time.Sleep(100 * time.Millisecond)
	case "cipher":
		url := serveTLS(nil, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384})
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256}}}}
		_, err = c.Get(url)
		time.Sleep(100 * time.Millisecond)
	case "version":
		url := serveTLS(nil, nil)
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}}}
		_, err = c.Get(url)
		time.Sleep(100 * time.Millisecond)
	case "exec":
		err = exec.Command(arg, "--version").Run()
	case "script":
		err = exec.Command(arg).Run()
	case "user":
		_, err = user.Lookup(arg)
	case "uid":
		_, err = user.LookupId(arg)
	case "gid":
		_, err = user.LookupGroupId(arg)
	case "group":
		_, err = user.LookupGroup(arg)
	case "current":
		_, err = user.Current()
	case "cache":
		_, err = os.UserCacheDir()
	case "config":
		_, err = os.UserConfigDir()
	case "home":
		_, err = os.UserHomeDir()
	case "temp":
		_, err = os.CreateTemp("", "up-")
	case "open":
		_, err = os.ReadFile(arg)
	case "template":
		_, err = template.ParseGlob(arg)
	case "templates":
		template.Must(template.ParseFiles(arg))
	case "driver":
		_, err = sql.Open(arg, "dsn")
	case "image":
		_, _, err = image.Decode(strings.NewReader("RIFF0000WEBPVP8 "))
	case "mime":
		if mime.TypeByExtension(arg) == "" {
			err = errors.New("no media type for " + arg)
		}
	case "frames": // a logger that skips too many frames: nothing of the program is left in its stack
		pc := make([]uintptr, 8)
		frames := runtime.CallersFrames(pc[:runtime.Callers(3, pc)])
		var stack strings.Builder
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			fmt.Fprintf(&stack, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		}
		slog.New(slog.NewJSONHandler(os.Stderr, nil)).Error("worker stopped", "stacktrace", strings.TrimSpace(stack.String()))
		return
	case "plugin":
		_, err = plugin.Open(arg)
	case "keypair":
		_, err = tls.LoadX509KeyPair(arg, arg)
	case "nil":
		var p *http.Server
		fmt.Println(p.Addr)
	case "files":
		for {
			if _, err = os.Open("/dev/null"); err != nil {
				break
			}
		}
	case "alloc":
		var keep [][]byte
		for {
			b := make([]byte, 64<<20)
			for i := range b {
				b[i] = 1
			}
			keep = append(keep, b)
		}
	case "recurse":
		var f func(int) int
		f = func(n int) int { return f(n+1) + 1 }
		fmt.Println(f(0))
	}
	must(os.Args[1]+" "+arg, err)
}
