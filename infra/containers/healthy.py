"""`healthy.py /readyz`: exits with 0 when this container's process answers that page with 200.

Uses standard library sockets: the check runs every few seconds in every container, and
importing an HTTP client would triple its cost.
"""

import os
import socket
import sys

TIMEOUT_SECONDS = 4
MAX_ANSWER_BYTES = 4096


def main() -> None:
    page = sys.argv[1]
    place = ("127.0.0.1", int(os.environ["WAYPOST_SERVICE_PORT"]))
    request = f"GET {page} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(place, TIMEOUT_SECONDS) as connection:
            connection.sendall(request.encode())
            answer = connection.recv(MAX_ANSWER_BYTES).decode(errors="replace")
    except OSError as error:
        sys.exit(f"{page}: {error}")
    if answer.split()[1:2] != ["200"]:
        sys.exit(f"{page}: {answer}")


if __name__ == "__main__":
    main()
