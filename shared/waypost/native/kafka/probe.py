"""Readiness of a broker."""

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from waypost.native.ports import LOOPBACK
from waypost.native.probes import accepts_tcp

START_SECONDS = 60


async def is_reachable(port: int) -> bool:
    """True if a client receives the cluster's metadata."""
    if not await accepts_tcp(LOOPBACK, port):
        return False
    client = AIOKafkaClient(bootstrap_servers=f"{LOOPBACK}:{port}", request_timeout_ms=2000)
    try:
        await client.bootstrap()
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()
    return True
