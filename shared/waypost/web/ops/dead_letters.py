"""`/ops/dead-letters`: what consumers could not handle, and the keys that wait behind it."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import ConfigDict, Field, model_validator

from waypost.engine.rate import Rate
from waypost.kernel.audit_context import AuditContext
from waypost.operations import dead_letters
from waypost.operations.dead_letters import Redrive, nothing_matches
from waypost.ports.dead_letters import Status
from waypost.postgres.dead_letters.search import Place, Search, StoredDeadLetter, find_dead_letters
from waypost.web.auth import OperatorCaller
from waypost.web.models import Moment, Name, RequestModel
from waypost.web.ops.dead_letter_views import DeadLetterView, DeadLetterWithRecordView, KeyView, RedriveView
from waypost.web.ops.edge import CurrentAdminService, ReasonedRequest
from waypost.web.pagination import Page, PageRequest, paged_by

MOST_KEYS = 200
MOST_A_SECOND = 1000

router = APIRouter(prefix="/dead-letters")


class DeadLetterFilter(RequestModel):
    """What is not given does not narrow it."""

    consumer: Name | None = None
    """`<service>.<consumer>`."""
    tenant_id: UUID | None = None
    """Whose event it is."""
    type: Name | None = None
    """Of the event, like `user.created`."""
    key: Name | None = None
    """Of its record: the aggregate's id."""
    fingerprint: Name | None = None
    """The same fault of the code, wherever it shows."""
    error_class: Name | None = None
    """The name of the last error's class."""
    status: tuple[Status, ...] = ()
    """What is not settled, unless given."""
    since: Moment | None = None
    """First failed then or later."""
    until: Moment | None = None
    """First failed before then."""

    def search(self) -> Search:
        return Search.of(**{name: getattr(self, name) for name in DeadLetterFilter.model_fields})


class DeadLetterQuery(DeadLetterFilter):
    model_config = ConfigDict(extra="ignore")  # the page's own parameters stand beside these


class RedriveOrder(DeadLetterFilter, ReasonedRequest):
    dry_run: bool = False
    keys: Annotated[int, Field(ge=1, le=MOST_KEYS)] = 20
    """How many are worked off by this request; the answer says how many are left."""
    dead_letters_per_second: Annotated[float, Field(gt=0, le=MOST_A_SECOND)] | None = None

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if not self.status and self.search() == Search():
            raise ValueError('say which letters, by one field at least; "status": ["dead"] takes every dead one')
        return self


DeadLetters = Annotated[PageRequest[Place], paged_by(Place)]


def _audit_context(operator: OperatorCaller, because: ReasonedRequest) -> AuditContext:
    return because.audited_by(operator)


Ordered = Annotated[AuditContext, Depends(_audit_context)]


@router.get("")
async def list_dead_letters(
    wanted: Annotated[DeadLetterQuery, Query()], page: DeadLetters, admin_service: CurrentAdminService
) -> Page[DeadLetterView]:
    """Those that have waited longest first."""
    found = await find_dead_letters(admin_service.ops, wanted.search(), limit=page.rows, after=page.after)
    return page.of(found, DeadLetterView.of, position=_place)


@router.get("/{dead_letter_id}")
async def show_dead_letter(dead_letter_id: UUID, admin_service: CurrentAdminService) -> DeadLetterWithRecordView:
    """What failed, why, and the record as it came; what identifies a person is left out."""
    return DeadLetterWithRecordView.with_record(
        await dead_letters.find(admin_service, dead_letter_id), admin_service.codec
    )


@router.post("/redrive")
async def redrive_some(
    order: RedriveOrder, operator: OperatorCaller, admin_service: CurrentAdminService
) -> RedriveView:
    """Tries the keys of the letters that match again, each from its lowest version on, until a
    letter fails or none is left.
    """
    redrive = await Redrive.of(admin_service, order.search(), at_most=order.keys)
    if not redrive.selection.found:
        raise nothing_matches([redrive])
    audit_context = None if order.dry_run else order.audited_by(operator)
    async for _ in redrive.work_off(audit_context, Rate(order.dead_letters_per_second)):
        """The answer tells them all."""
    return RedriveView.of(redrive)


@router.post("/{dead_letter_id}/redrive")
async def redrive_dead_letter(
    dead_letter_id: UUID, audit_context: Ordered, admin_service: CurrentAdminService
) -> RedriveView:
    """The letter's key, from its lowest version on."""
    redrive = await Redrive.of(admin_service, Search(id=dead_letter_id))
    async for _ in redrive.work_off(audit_context, Rate()):
        """One key."""
    return RedriveView.of(redrive)


@router.post("/{dead_letter_id}/discard")
async def discard_dead_letter(
    dead_letter_id: UUID, audit_context: Ordered, admin_service: CurrentAdminService
) -> KeyView:
    """Gives a letter up: its event counts as handled, though it was not. Then works off what waits
    behind it.
    """
    return KeyView.of(await dead_letters.discard(admin_service, dead_letter_id, audit_context))


def _place(kept: StoredDeadLetter) -> Place:
    return kept.first_failed_at, kept.dead_letter.id
