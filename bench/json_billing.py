"""The billing service with events as JSON: `python -m bench.json_billing api`."""

from dataclasses import replace

from bench.json_codec import JsonCodec
from schemas.catalogue import EVENTS
from services.billing import app
from waypost.hosting.main import run

SERVICE = replace(app.SERVICE, codec=JsonCodec(app.SERVICE.codec, dict(EVENTS)))

if __name__ == "__main__":
    run(SERVICE)
