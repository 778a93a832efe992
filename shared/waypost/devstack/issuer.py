"""`python -m waypost.devstack.issuer PORT SIGNING_KEY`: publishes the public key of development
tokens, as an identity provider does.
"""

import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from waypost.devstack.keys import read_signing_key
from waypost.native.ports import LOOPBACK

KEYS_PATH = "/.well-known/jwks.json"
HEALTH_PATH = "/livez"


def main() -> None:
    port, file = sys.argv[1:]
    key = read_signing_key(Path(file))
    pages = {KEYS_PATH: {"keys": [key.as_dict(private=False)]}, HEALTH_PATH: {"status": "ok"}}

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path)
            self.send_response(HTTPStatus.OK if page else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(page).encode())

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            """Logs nothing: one line per health check would fill the log."""

    ThreadingHTTPServer((LOOPBACK, int(port)), Pages).serve_forever()


if __name__ == "__main__":
    main()
