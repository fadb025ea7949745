"""A local HTTP server that goes wrong in the ways that a test tells it to."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FaultServer:
    """Serves one body under every path; each request takes the next of `faults`, if any is left.

    `pages` are texts that it answers under paths of their own, or paths that it sends one on to.

    A fault is an HTTP status ("404"), "html" (a log-in page with status 200), "cut" (half of what
    is left), "no-range" (ignores Range), "close" (no answer at all), "silent" (a body that never
    comes), "other-range" (goes on from somewhere else), or "slow" (in small pieces).
    """

    def __init__(self, body: bytes):
        self.body, self.faults, self.requests = body, [], []
        self.pages: dict[str, str] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                page = outer.pages.get(self.path.split("?")[0])
                if page is not None:
                    outer._page(self, page)
                    return
                outer.requests.append(self.headers.get("Range"))
                outer._answer(self, outer.faults.pop(0) if outer.faults else "")

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/part"

    def __enter__(self) -> FaultServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _page(self, handler, page: str) -> None:
        """Text, or where else to look if it begins with a slash."""
        handler.send_response(302 if page.startswith("/") else 200)
        if page.startswith("/"):
            handler.send_header("Location", page)
        handler.send_header("Content-Length", str(len(page.encode())))
        handler.end_headers()
        handler.wfile.write(page.encode())

    def _answer(self, handler, fault: str) -> None:
        if fault == "close":
            return
        if fault.isdigit():
            handler.send_response(int(fault))
            handler.send_header("Content-Length", "4")
            handler.end_headers()
            handler.wfile.write(b"none")
            return
        body, start = self.body, 0
        asked = handler.headers.get("Range")
        if fault == "html":
            body = b"<html><body>Please log in to the network.</body></html>"
        elif asked and fault != "no-range":
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                handler.send_error(416)
                return
        handler.send_response(206 if start else 200)
        shown = start + 1 if fault == "other-range" else start
        handler.send_header("Content-Range", f"bytes {shown}-{len(body) - 1}/{len(body)}")
        handler.send_header("Content-Length", str(len(body) - start))
        handler.end_headers()
        left = body[start:]
        try:
            if fault == "silent":
                time.sleep(3)
            elif fault == "cut":
                handler.wfile.write(left[: len(left) // 2])
            elif fault == "slow":
                step = max(1, len(left) // 100)
                for at in range(0, len(left), step):
                    handler.wfile.write(left[at : at + step])
                    handler.wfile.flush()
                    time.sleep(0.01)
            else:
                handler.wfile.write(left)
        except OSError:
            pass  # the client was killed
