"""`/ops/dead-letters`: records that consumers could not handle, and their parked keys."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field, model_validator

from waypost.engine.operator_rate import OperatorRate
from waypost.operations import dead_letters
from waypost.operations.dead_letters import Discard, Redrive, nothing_matches
from waypost.ports.dead_letters import DeadLetterStatus
from waypost.postgres.dead_letters.search import Place, Search, StoredDeadLetter, find_dead_letters
from waypost.web.auth import OperatorCaller
from waypost.web.models import Moment, Name, RequestModel
from waypost.web.operator_views.dead_letters import DeadLetterView, DeadLetterWithRecordView
from waypost.web.operator_views.redrives import AdoptedView, DiscardView, KeyView, RedriveView
from waypost.web.ops.edge import CurrentAdminService, ReasonedRequest
from waypost.web.pagination import Page, PageRequest, paged_by

MAX_KEYS = 200
MAX_PER_SECOND = 1000

router = APIRouter(prefix="/dead-letters")


class DeadLetterFilter(RequestModel):
    """Filters. An omitted filter matches every dead letter."""

    consumer: Name | None = None
    """`<service>.<consumer>`."""
    tenant_id: UUID | None = None
    """Tenant of the event."""
    type: Name | None = None
    """Event type, such as `user.created`."""
    key: Name | None = None
    """Record key: the id of the aggregate."""
    fingerprint: Name | None = None
    """Failures at the same line with the same error."""
    error_class: Name | None = None
    """Class name of the last error."""
    status: tuple[DeadLetterStatus, ...] = ()
    """Default: every status that is not settled."""
    since: Moment | None = None
    """Earliest first failure, inclusive."""
    until: Moment | None = None
    """Latest first failure, exclusive."""

    def search(self) -> Search:
        return Search.of(**{name: getattr(self, name) for name in DeadLetterFilter.model_fields})


class DeadLetterQuery(DeadLetterFilter):
    model_config = ConfigDict(extra="ignore")  # the query also has the page's parameters


class BulkRequest(DeadLetterFilter, ReasonedRequest):
    dry_run: bool = False
    dead_letters_per_second: Annotated[float, Field(gt=0, le=MAX_PER_SECOND)] | None = None

    @model_validator(mode="after")
    def _has_a_filter(self) -> Self:
        if not self.status and self.search() == Search():
            raise ValueError('name at least one filter; "status": ["dead"] selects every dead one')
        return self


class RedriveRequest(BulkRequest):
    keys: Annotated[int, Field(ge=1, le=MAX_KEYS)] = 20
    """Maximum number of keys that this request processes. The response contains the number that is
    left.
    """


class DiscardRequest(BulkRequest):
    limit: Annotated[int, Field(ge=1, le=MAX_KEYS)] = 20
    """Maximum number of dead letters that this request discards. The response contains the number
    that is left.
    """


class RedriveOneRequest(ReasonedRequest):
    beyond_limit: bool = False
    """Redrives the dead letter although it reached the limit of redrives."""


DeadLetters = Annotated[PageRequest[Place], paged_by(Place)]


@router.get("")
async def list_dead_letters(
    wanted: Annotated[DeadLetterQuery, Query()], page: DeadLetters, admin_service: CurrentAdminService
) -> Page[DeadLetterView]:
    """Lists dead letters, the earliest first failure first."""
    found = await find_dead_letters(admin_service.ops, wanted.search(), limit=page.rows, after=page.after)
    return page.of(found, DeadLetterView.of, position=_place)


@router.get("/{dead_letter_id}")
async def show_dead_letter(dead_letter_id: UUID, admin_service: CurrentAdminService) -> DeadLetterWithRecordView:
    """Shows the failure, its cause and the record. Personal data is redacted."""
    return DeadLetterWithRecordView.with_record(
        await dead_letters.find(admin_service, dead_letter_id), admin_service.codec
    )


@router.post("/redrive")
async def redrive_some(
    body: RedriveRequest, operator: OperatorCaller, admin_service: CurrentAdminService
) -> RedriveView:
    """Redrives the keys of the matching dead letters, each key from its lowest version, until a
    dead letter fails or none is left.
    """
    redrive = await Redrive.of(admin_service, body.search(), at_most=body.keys)
    if not redrive.selection.has_matches:
        raise nothing_matches([redrive.service], redrive.selection.settled)
    audit_context = None if body.dry_run else body.audited_by(operator)
    async for _ in redrive.process(audit_context, OperatorRate(body.dead_letters_per_second)):
        """The response contains all results."""
    return RedriveView.of(redrive)


@router.post("/discard")
async def discard_some(
    body: DiscardRequest, operator: OperatorCaller, admin_service: CurrentAdminService
) -> DiscardView:
    """Settles the matching dead letters without handling them: their events count as handled. Then
    processes the records that wait behind them.
    """
    discard = await Discard.of(admin_service, body.search(), at_most=body.limit)
    if not discard.matching:
        raise nothing_matches([discard.service])
    audit_context = None if body.dry_run else body.audited_by(operator)
    async for _ in discard.process(audit_context, OperatorRate(body.dead_letters_per_second)):
        """The response contains all results."""
    return DiscardView.of(discard)


@router.post("/{dead_letter_id}/redrive")
async def redrive_dead_letter(
    dead_letter_id: UUID, body: RedriveOneRequest, operator: OperatorCaller, admin_service: CurrentAdminService
) -> RedriveView:
    """Redrives the key of one dead letter, from its lowest version."""
    redrive = await Redrive.of(admin_service, Search(id=dead_letter_id), beyond_limit=body.beyond_limit)
    async for _ in redrive.process(body.audited_by(operator), OperatorRate()):
        """There is one key."""
    return RedriveView.of(redrive)


@router.post("/{dead_letter_id}/discard")
async def discard_dead_letter(
    dead_letter_id: UUID, body: ReasonedRequest, operator: OperatorCaller, admin_service: CurrentAdminService
) -> KeyView:
    """Settles a dead letter without handling it: its event counts as handled. Then processes the
    records that wait behind it.
    """
    return KeyView.of(await dead_letters.discard(admin_service, dead_letter_id, body.audited_by(operator)))


@router.post("/{dead_letter_id}/adopt")
async def adopt_dead_letter(
    dead_letter_id: UUID, body: ReasonedRequest, operator: OperatorCaller, admin_service: CurrentAdminService
) -> AdoptedView:
    """Replaces the event that was handled under the version of a version conflict by the event of
    the dead letter. A reactor handles it now; an async projection needs a rebuild.
    """
    return AdoptedView.model_validate(
        await dead_letters.adopt(admin_service, dead_letter_id, body.audited_by(operator))
    )


def _place(stored: StoredDeadLetter) -> Place:
    return stored.first_failed_at, stored.dead_letter.id
