"""`python -m services.<service> live`: connects only to Kafka, so that an outage of the database
does not stop it.
"""

from waypost.engine.process import Explained, Process
from waypost.hosting.process_runner import exit_at_once
from waypost.hosting.service import Service
from waypost.hosting.settings import LiveSettings, load
from waypost.kernel.errors import Misconfigured
from waypost.web.probes import Readiness, create_probes_app
from waypost.web.server import HttpServer


async def run_live(service: Service) -> None:
    """Raises Misconfigured for a service without a live view."""
    settings = load(LiveSettings)
    if service.live_view is None:
        raise Misconfigured(f"the {service.name} service has no live view")
    view = service.live_view.open(settings.brokers, service.codec)
    checks = {view.name: view.check} if isinstance(view, Explained) else {}
    readiness = Readiness(unready=lambda: Process([view]).unready, checks=checks)
    probes = HttpServer(
        create_probes_app(service.name, readiness), host=settings.host, port=settings.service_port, name="probes"
    )
    await Process([probes, view], at_deadline=exit_at_once, ending=readiness.ending).run()
