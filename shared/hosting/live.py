"""`python -m services.<service> live`: it knows Kafka alone, so that an outage of the database does not stop it."""

from shared.engine.process import Process
from shared.hosting.service import Service
from shared.hosting.settings import LiveSettings, load
from shared.kernel.errors import Misconfigured
from shared.web.app import create_health_app
from shared.web.health import Readiness
from shared.web.server import HttpServer


async def run_live(service: Service) -> None:
    """Raises Misconfigured for a service that has no live view."""
    settings = load(LiveSettings)
    if service.live_view is None:
        raise Misconfigured(f"the {service.name} service has no live view")
    view = service.live_view.open(settings.kafka_bootstrap, service.codec)
    readiness = Readiness(unready=lambda: Process([view]).unready)
    probes = HttpServer(
        create_health_app(service.name, readiness), host=settings.host, port=settings.service_port, name="probes"
    )
    await Process([probes, view]).run()
