"""A declaration that forgot a part is refused at the start of a process."""

from dataclasses import replace

import pytest
from sqlalchemy import Column, MetaData, Table, Uuid

from services.billing.app import SERVICE as BILLING
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.users.app import SERVICE as USERS
from services.users.commands import EraseUser, OpenTenant
from waypost.engine.bus import Bus
from waypost.engine.principals import authorize
from waypost.hosting.service import Service
from waypost.hosting.startup_checks import refuse_incomplete
from waypost.kernel.actor import Actor
from waypost.kernel.errors import Misconfigured
from waypost.ports.consumers import AsyncProjection, InlineProjection
from waypost.ports.unit_of_work import Precondition


@pytest.mark.parametrize("service", [USERS, BILLING, NOTIFICATIONS], ids=lambda service: service.name)
def test_each_service_is_complete(service: Service) -> None:
    refuse_incomplete(service)


def test_a_command_without_a_handler() -> None:
    forgotten = {command: handler for command, handler in USERS.commands.items() if command is not EraseUser}
    with pytest.raises(
        Misconfigured, match=r"command services\.users\.commands\.membership\.EraseUser has no handler: add"
    ) as refused:
        refuse_incomplete(replace(USERS, commands=forgotten))
    assert "OpenTenant" not in str(refused.value)


async def test_a_command_without_a_handler_is_named_by_the_bus() -> None:
    with pytest.raises(Misconfigured, match="command OpenTenant has no handler: add it to COMMANDS"):
        await Bus(None, {}).execute(object.__new__(OpenTenant), None)  # type: ignore[arg-type]  # neither is asked


def test_a_reactor_that_is_not_registered() -> None:
    with pytest.raises(
        Misconfigured, match=r"services\.users\.handlers\.DUNNING is not registered.* Add it to CONSUMERS"
    ):
        refuse_incomplete(replace(USERS, consumers=[each for each in USERS.consumers if each.name != "dunning"]))


def test_a_projector_that_is_not_registered() -> None:
    with pytest.raises(Misconfigured, match=r"TENANT_DIRECTORY is not registered.* Add it to CONSUMERS"):
        refuse_incomplete(replace(USERS, consumers=[each for each in USERS.consumers if each.name != "tenants"]))


def test_a_consumer_of_personal_data_without_keys() -> None:
    with pytest.raises(Misconfigured, match=r"consumer customers handles events with personal data.* Set person_keys"):
        refuse_incomplete(replace(BILLING, person_keys=None))


def test_a_producer_of_personal_data_without_keys() -> None:
    with pytest.raises(
        Misconfigured, match=r"users records events with personal data .*user\.created.* Set person_keys"
    ):
        refuse_incomplete(replace(USERS, person_keys=None))


def test_a_projection_that_is_not_registered() -> None:
    with pytest.raises(Misconfigured, match=r"INVOICE_ROWS is not registered.* Add it to PROJECTIONS"):
        refuse_incomplete(
            replace(BILLING, projections=[each for each in BILLING.projections if each.name != "invoices"])
        )


def test_the_consumers_of_the_rights_are_declared() -> None:
    with pytest.raises(Misconfigured, match="authorize reads the rows of the consumer grants, which the service does"):
        refuse_incomplete(replace(USERS, authorization_reads=["grants"]))
    without_tenants = [each for each in BILLING.consumers if each.name != "tenants"]
    with pytest.raises(Misconfigured, match="authorize reads the rows of the consumer tenants"):
        refuse_incomplete(replace(BILLING, consumers=without_tenants))


def test_the_consumers_of_the_rights_follow_from_authorize() -> None:
    """Also from a function of the service's own that calls it."""

    def own(actor: Actor) -> Precondition:
        return authorize(actor)

    for service in (BILLING, NOTIFICATIONS, replace(BILLING, authorize=own)):
        assert service.rights_consumers == {"principals", "tenants"}, service.name
    assert replace(BILLING, authorization_reads=["customers"]).rights_consumers > {"customers", "tenants"}
    assert USERS.rights_consumers == replace(BILLING, authorize=None).rights_consumers == frozenset()


def test_a_consumer_that_is_registered_twice() -> None:
    with pytest.raises(Misconfigured, match="two consumers have the name dunning: they would share one position"):
        refuse_incomplete(replace(USERS, consumers=[*USERS.consumers, USERS.consumers[0]]))


def test_a_projection_that_is_registered_twice() -> None:
    with pytest.raises(Misconfigured, match="two read models have the name accounts: they would share one schema"):
        refuse_incomplete(replace(USERS, projections=[*USERS.projections, *USERS.projections]))


@pytest.mark.parametrize("kind", [InlineProjection, AsyncProjection])
def test_a_read_table_without_a_tenant(kind: type[InlineProjection] | type[AsyncProjection]) -> None:
    tables = MetaData()
    Table("tickets", tables, Column("ticket_id", Uuid, primary_key=True))
    service = Service(name="test", codec=USERS.codec, commands={}, projections=[], consumers=[])
    read_model = kind("tickets", {}, tables)
    declared = (
        {"projections": [read_model]} if isinstance(read_model, InlineProjection) else {"consumers": [read_model]}
    )
    with pytest.raises(Misconfigured, match="table tickets has no column tenant_id"):
        refuse_incomplete(replace(service, **declared))
