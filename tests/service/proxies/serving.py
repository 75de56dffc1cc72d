"""Proxies that show a service under the prefix /faces, and say that the browser came by https."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.http import http
from tests.fakes.ports import free_port
from tests.fakes.waiting import until
from tests.service.proxies.fetch_nginx import program

PREFIX = "/faces"
FORWARDED = {"X-Forwarded-Proto": "https"}
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
  access_log off; client_max_body_size 60m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location {prefix}/ {{
      proxy_pass {upstream};
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto https;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""
Proxy = Callable[[str, bool], AbstractContextManager[str]]  # the service's URL, whether the prefix is taken off


@contextmanager
def nginx(upstream: str, strips: bool) -> Iterator[str]:
    """The URL of a real nginx."""
    found, port = program(), free_port()
    assert found is not None
    with tempfile.TemporaryDirectory() as folder:
        target = upstream + ("/" if strips else "")
        file = Path(folder) / "nginx.conf"
        file.write_text(NGINX.format(folder=folder, port=port, prefix=PREFIX, upstream=target))
        process = subprocess.Popen([found, "-e", "stderr", "-p", folder, "-c", file])
        try:
            url = f"http://127.0.0.1:{port}{PREFIX}"
            until(lambda: answers(url), "nginx")
            yield url
        finally:
            process.terminate()
            process.wait(20)


def answers(url: str) -> bool:
    try:
        return http.get(f"{url}/livez").status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def stand_in(upstream: str, strips: bool) -> Iterator[str]:
    """The URL of a proxy of the test's own."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
            seen = ", ".join(filter(None, (asked.pop("X-Forwarded-For", ""), self.client_address[0])))
            path = self.path.removeprefix(PREFIX) if strips else self.path
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {**asked, **FORWARDED, "X-Forwarded-For": seen}
            answer = http.request(self.command, upstream + path, headers=headers, content=body or None, timeout=60)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name not in ("content-length", "transfer-encoding", "content-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_DELETE = do_GET  # the names that the library calls

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    finally:
        server.shutdown()
        server.server_close()


PROXIES: dict[str, Proxy] = {"stand-in": stand_in, **({"nginx": nginx} if program() else {})}
