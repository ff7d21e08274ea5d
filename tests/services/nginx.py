"""Real nginx in front of a server: TLS, basic authentication, refusals by method and path, set and changed while it runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.services import installed
from tests.services.certificates import Certificates
from tests.services.process import Process, free_port

READY_S = 10
_CONFIG = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  client_max_body_size 0;
  map "$request_method $request_uri" $rule {{
    default "";
{rules}  }}
  server {{ listen 127.0.0.1:{state}; location / {{ return 200 "{generation} $pid"; }} }}
  server {{
    listen {listen};
{tls}    default_type application/json;
    location / {{
{refusals}{login}      proxy_pass {upstream};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout {patience};
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Refusal:
    """Requests of this method ("" for any) whose path matches get this answer; status 444 closes the connection."""

    method: str
    path: str  # a regular expression, from the start of the path
    status: int = 403
    headers: tuple[tuple[str, str], ...] = ()
    body: str = '{"error":"refused by the test"}'


class Nginx:
    """`address` is the URL to use instead of the upstream's. `user` is (name, password)."""

    def __init__(
        self, folder: Path, upstream: str, certificates: Certificates | None = None, user: tuple[str, str] | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.upstream = upstream
        self.certificates = certificates
        self.user = user
        self._state, self._port, self._generation = free_port(), free_port(), 0
        self.address = f"{'https' if certificates else 'http'}://127.0.0.1:{self._port}"
        self.log = folder / "server.log"
        self._config = folder / "nginx.conf"
        command = [installed.program("nginx"), "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(self._config)]
        self._process = Process(command, self.log, folder / "body")

    def start(self) -> None:
        self._write((), "60s")
        self._process.start()
        self._process.wait_until(self._has_taken, READY_S)

    def refuse(self, refusals: Sequence[Refusal] = (), patience: str = "60s") -> None:
        """From now on it refuses just these; `patience` is how long it waits for the upstream before it answers 504."""
        self._write(refusals, patience)
        self._process.signal(signal.SIGHUP)
        self._process.wait_until(self._has_taken, READY_S)

    def requests(self) -> list[str]:
        """The access log: a line each request, the end of it first `"METHOD path HTTP/1.1" status`."""
        path = self.folder / "access.log"
        return path.read_text().splitlines() if path.exists() else []

    def tail(self) -> str:
        errors = self.folder / "error.log"
        return self._process.tail() + (errors.read_text()[-4000:] if errors.exists() else "")

    def stop(self) -> None:
        self._process.stop()

    def kill(self) -> None:
        self._process.kill()

    def _has_taken(self) -> bool:
        """A worker with the present settings answers, and no other takes requests."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._state}/", timeout=2) as answer:
                generation, worker = map(int, answer.read().split())
        except OSError:
            return False
        return generation == self._generation and self._workers() == {worker}

    def _workers(self) -> set[int]:
        """Those that take requests; one that is shutting down says so in its title."""
        master = int((self.folder / "nginx.pid").read_text())
        children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        titles = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
        return {child for child, title in titles.items() if title.strip(b"\0 ").endswith(b"worker process")}

    def _write(self, refusals: Sequence[Refusal], patience: str) -> None:
        self._generation += 1
        tls, login = "", ""
        if self.certificates:
            tls = f"    ssl_certificate {self.certificates.server};\n    ssl_certificate_key {self.certificates.server_key};\n"
        if self.user:
            (self.folder / "users").write_text(f"{self.user[0]}:{_hashed(self.user[1])}\n")
            login = f'      auth_basic "tests";\n      auth_basic_user_file {self.folder}/users;\n'
        self._config.write_text(
            _CONFIG.format(
                folder=self.folder,
                user="user root;" if os.geteuid() == 0 else "",
                rules="".join(f"    {_matched(one)} r{number};\n" for number, one in enumerate(refusals)),
                state=self._state,
                generation=self._generation,
                listen=f"127.0.0.1:{self._port}{' ssl' if self.certificates else ''}",
                tls=tls,
                refusals="".join(_refused(number, one) for number, one in enumerate(refusals)),
                login=login,
                upstream=self.upstream,
                patience=patience,
            )
        )


def _matched(one: Refusal) -> str:
    return json.dumps(f"~^{one.method or '[A-Z]+'} {one.path}")


def _refused(number: int, one: Refusal) -> str:
    headers = "".join(f"add_header {name} {json.dumps(value)} always; " for name, value in one.headers)
    body = "" if one.status == 444 else " '" + one.body.replace("'", "\\'").replace("$", "") + "'"
    return f"      if ($rule = r{number}) {{ {headers}return {one.status}{body}; }}\n"


def _hashed(password: str) -> str:
    command = [installed.program("openssl"), "passwd", "-apr1", "-stdin"]
    return subprocess.run(command, input=password, capture_output=True, text=True, check=True).stdout.strip()
