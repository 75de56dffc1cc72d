"""A receiver of webhooks in a container: prints each request that it gets as a line of JSON. Standard library only."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

PORT = 9000


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        print(json.dumps({"headers": {name.lower(): value for name, value in self.headers.items()}, "body": body}))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing else."""


if __name__ == "__main__":
    HTTPServer(("0.0.0.0", PORT), Receiver).serve_forever()
