"""A real HTTP receiver on loopback that writes down what it was told, and answers as it is scripted to."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Use as a context manager. `told` grows with every POST that was answered with 200."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.is_down = False
        self._changed = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if outer.is_down:
                    self.send_error(503)
                    return
                with outer._changed:
                    outer.told.append(body)
                    outer._changed.notify_all()
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def entities(self) -> set[str]:
        with self._changed:
            return {body["entity"] for body in self.told if body["entity"]}

    def wait_for(self, entities: set[str], timeout_s: float) -> set[str]:
        """Returns what is still missing when all have come or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: entities <= {b["entity"] for b in self.told}, timeout_s)
            return entities - {b["entity"] for b in self.told}
