"""The notifications service: commands, projections, consumers, jobs and routes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.notifications.adapters.email_templates import JinjaEmailTemplates
from services.notifications.adapters.mail_reports import SignedReportReader
from services.notifications.adapters.sealed_box import SealedBoxOpener, SealedBoxSealer, sealing_keys
from services.notifications.adapters.smtp import SmtpMailer
from services.notifications.adapters.smtp_security import SmtpSecurity
from services.notifications.adapters.webhook_sender import HttpWebhookSender
from services.notifications.domain.return_path import ReturnPaths, return_path_key
from services.notifications.domain.webhook_address import networks
from services.notifications.handlers import COMMANDS, CONSUMERS
from services.notifications.jobs import JOBS, SCHEDULE
from services.notifications.ports import ApiResources, MailResources
from services.notifications.projections import PROJECTIONS
from services.notifications.queries.webhook_tables import WEBHOOKS
from services.notifications.settings import NotificationsSettings, ReportSettings, WebhookSettings
from services.notifications.tables import UNPUBLISHED
from waypost.engine.principals import authorize
from waypost.hosting.service import Service
from waypost.hosting.settings import load
from waypost.ports.person_keys import PersonKeyDeclaration


@asynccontextmanager
async def mail_resources() -> AsyncIterator[MailResources]:
    settings, webhooks = load(NotificationsSettings), load(WebhookSettings)
    keys = sealing_keys(settings.keys_directory)
    yield MailResources(
        emails=JinjaEmailTemplates(),
        mailer=SmtpMailer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            sender=settings.mail_sender,
            timeout_seconds=settings.smtp_timeout_seconds,
            security=SmtpSecurity(
                tls=settings.smtp_tls,
                ca_file=settings.smtp_ca_file,
                user=settings.smtp_user,
                password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
            ),
        ),
        opener=SealedBoxOpener(keys),
        sealer=SealedBoxSealer(keys),
        webhooks=HttpWebhookSender(
            private_networks=webhooks.webhooks_to_private_networks,
            refused_networks=networks(webhooks.webhooks_refused_networks),
        ),
        public_url=settings.public_url.rstrip("/"),
        unsubscribe_url=settings.unsubscribe_url.rstrip("/"),
        product_name=settings.product_name,
        invoice_url=settings.invoice_url.rstrip("/") if settings.invoice_url else None,
        return_paths=_return_paths(settings),
    )


@asynccontextmanager
async def api_resources() -> AsyncIterator[ApiResources]:
    webhooks, reports = load(WebhookSettings), load(ReportSettings)
    paths = _return_paths(reports)
    yield ApiResources(
        sealer=SealedBoxSealer(sealing_keys(webhooks.keys_directory)),
        webhooks_to_private_networks=webhooks.webhooks_to_private_networks,
        reports=SignedReportReader(paths, *reports.report_secrets) if paths else None,
    )


def _return_paths(settings: ReportSettings) -> ReturnPaths | None:
    keys = [return_path_key(secret) for secret in settings.return_path_secrets]
    return ReturnPaths(settings.bounce_domain, keys) if settings.bounce_domain and keys else None


SERVICE = Service(
    name="notifications",
    commands=COMMANDS,
    projections=PROJECTIONS,
    consumers=CONSUMERS,
    tables=[UNPUBLISHED, WEBHOOKS],
    jobs=JOBS,
    schedule=SCHEDULE,
    api="services.notifications.api",
    authorize=authorize,
    person_keys=PersonKeyDeclaration(),
    api_resources=api_resources,
    job_resources=mail_resources,
)
