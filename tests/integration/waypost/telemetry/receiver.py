"""A process of another service that handles one record whose `traceparent` is its argument."""

import sys

from waypost.kernel.envelope import Record
from waypost.telemetry import logging, tracing
from waypost.telemetry.messaging import process_span


def main() -> None:
    logging.configure("notifications", console=False)
    tracing.configure("notifications", "worker-1")
    headers = [("traceparent", sys.argv[1].encode())]
    record = Record(topic="users.user", partition=0, offset=0, timestamp_ms=0, key=b"k", value=b"", headers=headers)
    with process_span(record, "notifications.recipients"):
        pass


if __name__ == "__main__":
    main()
