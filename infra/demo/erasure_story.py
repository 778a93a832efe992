"""A person with a name that nothing else contains joins, is invoiced and is erased. Then the name
is found nowhere.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import httpx

from infra.demo.erasure_search import Search, search_files, search_tables, search_topics
from infra.demo.observers import Observers
from infra.demo.step_printer import NotObserved, StepPrinter
from infra.stack.addresses import Addresses
from waypost.schemas.topics import declared_topics


class Story(Protocol):
    """The requests of the story's owner."""

    printer: StepPrinter
    observers: Observers

    async def send(self, method: str, url: str, body: dict[str, Any], as_bearer: str = "") -> httpx.Response: ...

    async def customer(self, customer_id: str) -> bool: ...

    async def record_of(self, topic: str, key: str, event_type: str) -> bool: ...


async def erase_a_person(story: Story, stack: Addresses, tenant_id: UUID) -> None:
    """The story's owner invites the person, who erases the account."""
    story.printer.chapter("An erasure, found nowhere")
    mark, began = f"zq{secrets.token_hex(6)}", datetime.now(UTC)
    password = secrets.token_urlsafe(18)
    person_id = await _join(story, stack, mark, password)
    places = _Places(stack, story.observers, tenant_id, mark, began)
    before = await story.printer.wait_for("the person in every database", places.known_everywhere)
    story.printer.saw(f"{mark} joins, with a draft of an invoice", _listed(before.found))
    token = await _log_in(story, stack, tenant_id, mark, password)
    erased = await story.send("DELETE", f"{stack.users}/users/{person_id}", {}, token)
    story.printer.saw(f"DELETE /users/… as {mark} → {erased.status_code}")
    await story.printer.wait_for(
        "customer.erased", lambda: story.record_of("billing.customer", person_id, "customer.erased")
    )
    searched = await story.printer.wait_for("the erasure everywhere", places.forgotten)
    story.printer.saw(f"{mark} is found nowhere: no row, record or line contains it", searched)


class _Places:
    """Where the text is searched."""

    def __init__(self, stack: Addresses, observers: Observers, tenant_id: UUID, mark: str, since: datetime) -> None:
        self._stack = stack
        self._observers = observers
        self._tenant_id = tenant_id
        self._mark = mark
        self._since = since

    async def known_everywhere(self) -> Search | None:
        """The rows with the text, once every database has some: the search finds what is there."""
        tables = await self._tables()
        return tables if {table.split()[0] for table in tables.found} >= self._stack.owner_dsns.keys() else None

    async def forgotten(self) -> str | None:
        """The searched places, once nothing is found."""
        tables = await self._tables()
        if tables.found:
            return None
        names = [topic.name for topic in declared_topics()]
        topics = await search_topics(self._stack.brokers, names, self._mark, since=self._since)
        directory = self._stack.log_directory
        logs = search_files(sorted(directory.glob("*.log*")) if directory else (), self._mark)
        traces = await self._observers.traces(self._since)
        if topics.found or logs.found or self._mark in traces:
            raise NotObserved(
                f"nothing of the erased person; found: {dict(topics.found)}, {dict(logs.found)},"
                f" {traces.count(self._mark)} times in traces"
            )
        databases = ", ".join(self._stack.owner_dsns) or "not from outside the containers"
        return "\n".join(
            [
                f"{tables.searched} tables of the databases: {databases}",
                f"{topics.searched} records of {len(names)} topics since the person joined",
                f"{logs.searched} log files, and the traces of the viewer ({len(traces):,} characters)",
            ]
        )

    async def _tables(self) -> Search:
        return await search_tables(self._stack.owner_dsns, self._tenant_id, self._mark)


async def _join(story: Story, stack: Addresses, mark: str, password: str) -> str:
    email = f"{mark}@example.com"
    await story.send("POST", f"{stack.users}/invitations", {"email": email, "role": "member"})
    mails = await story.printer.wait_for(
        f"a mail to {email}", lambda: story.observers.mails(email, "You are invited"), deadline_seconds=30
    )
    link = re.search(r"token=([\w.~-]+)", mails[0]["text"])
    if link is None:
        raise NotObserved("the invitation holds no link")
    accepted = {"token": link[1], "password": password, "display_name": f"Ada {mark}"}
    joined = (await story.send("POST", f"{stack.users}/invitations/accept", accepted)).json()
    person_id: str = joined["id"]
    await story.printer.wait_for("billing's customer", lambda: story.customer(person_id))
    draft = {"customer_id": person_id, "currency": "EUR"}
    invoice = (await story.send("POST", f"{stack.billing}/invoices", draft)).json()
    line = {"description": f"Lesson for {mark}", "quantity": 1, "unit_amount_minor": 1_000}
    await story.send("POST", f"{stack.billing}/invoices/{invoice['id']}/lines", line)
    return person_id


async def _log_in(story: Story, stack: Addresses, tenant_id: UUID, mark: str, password: str) -> str:
    body = {"tenant_id": str(tenant_id), "email": f"{mark}@example.com", "password": password}
    token: str = (await story.send("POST", f"{stack.users}/login", body)).json()["access_token"]
    return token


def _listed(found: Mapping[str, int]) -> str:
    return "found in " + ", ".join(f"{table} ({rows})" for table, rows in found.items()) if found else ""
