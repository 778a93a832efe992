"""The mail provider's reports: signed notices about mails that it could not deliver, or that their
recipients marked as unwanted.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import structlog
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from services.notifications.domain.bounce import OLDEST_REPORT, BounceKind, bounce_kind
from services.notifications.domain.return_path import ReturnPaths
from services.notifications.ports import MailReport
from waypost.web.standard_webhooks import ID, SIGNATURE, TIMESTAMP, StandardWebhooks

log = structlog.get_logger()

_REPLY_CODE = re.compile("[2-5][0-9]{2}")
_Text = Annotated[str, Field(max_length=512, repr=False)]


def _code(sent: object) -> int:
    """The reply code; 0 for none. It is shown and decides nothing, so a report is never refused for
    it: providers send null, 0 or text.
    """
    found = _REPLY_CODE.fullmatch(str(sent))
    return int(found[0]) if found else 0


class _Mail(BaseModel):
    return_path: _Text
    recipient: _Text


class _Bounce(_Mail):
    status: Annotated[str, Field(max_length=16)]
    code: Annotated[int, BeforeValidator(_code)] = 0


class _Bounced(BaseModel):
    type: Literal["mail.bounced"]
    timestamp: AwareDatetime
    data: _Bounce


class _Complained(BaseModel):
    type: Literal["mail.complained"]
    timestamp: AwareDatetime
    data: _Mail


_Report: TypeAdapter[_Bounced | _Complained] = TypeAdapter(
    Annotated[_Bounced | _Complained, Field(discriminator="type")]
)


class _AnyReport(BaseModel):
    type: Annotated[str, Field(max_length=64)]


_Typed: TypeAdapter[_AnyReport] = TypeAdapter(_AnyReport)
_TYPES = ("mail.bounced", "mail.complained")


class SignedReportReader:
    """Implements `services.notifications.ports.MailReportReader`."""

    def __init__(self, return_paths: ReturnPaths, *secrets: str) -> None:
        """`secrets`: with any of them a report may be signed. Raises Misconfigured."""
        self._return_paths = return_paths
        self._webhooks = StandardWebhooks(*secrets)

    def read(self, headers: Mapping[str, str], body: bytes, at: datetime) -> MailReport | None:
        webhook_id, timestamp, signatures = (headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
        self._webhooks.require_authentic(webhook_id, timestamp, signatures, body, at)
        try:
            report = _Report.validate_json(body)
        except ValidationError as error:
            _log_invalid(body, error)
            return None
        if report.timestamp < at - OLDEST_REPORT:
            _log_ignored("old")
            return None
        return self._matched(report)

    def _matched(self, report: _Bounced | _Complained) -> MailReport | None:
        kind = bounce_kind(report.data.status) if isinstance(report, _Bounced) else BounceKind.COMPLAINT
        if kind is None:
            _log_ignored("not about the address")
            return None
        sent = self._return_paths.read(report.data.return_path, report.data.recipient)
        if sent is None:
            _log_ignored("no such mail")
            return None
        return MailReport(
            tenant_id=sent.tenant_id,
            notification_id=sent.notification_id,
            address=report.data.recipient,
            kind=kind,
            code=report.data.code if isinstance(report, _Bounced) else 0,
        )


def _log_invalid(body: bytes, error: ValidationError) -> None:
    """A report of a known type that cannot be read is lost: the provider, or its adapter, must be
    corrected. The log names the fields, and none of their values.
    """
    try:
        of_type = _Typed.validate_json(body).type
    except ValidationError:
        of_type = ""
    if of_type not in _TYPES:
        _log_ignored("unknown")
        return
    fields = sorted({".".join(map(str, each["loc"][1:])) for each in error.errors(include_input=False)})
    log.warning("mail_report_invalid", type=of_type, fields=fields)


def _log_ignored(reason: str) -> None:
    log.info("mail_report_ignored", reason=reason)
