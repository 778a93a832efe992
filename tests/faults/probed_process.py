"""A process that is ready at once and ends with 0 on SIGTERM: `probed_process PORT`."""

import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from tests.fixtures.process_logs import log_plainly
from waypost.native.ports import LOOPBACK


class Probes(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()


if __name__ == "__main__":
    log_plainly()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("serves its probes", flush=True)
    HTTPServer((LOOPBACK, int(sys.argv[1])), Probes).serve_forever()
