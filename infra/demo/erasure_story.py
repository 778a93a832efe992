"""A person with a name that nothing else contains joins, is invoiced and is erased. Then the name
is searched in databases, topics, logs and traces. Each search first proves that it finds what is
there. The mail server is not searched: it has the mails that were sent to the person.
"""

import json
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
    story.printer.chapter("An erasure")
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
    trace_id = await story.printer.wait_for("user.erased", lambda: _trace_of_erasure(story, person_id))
    # Spans are exported some seconds later: those of the erasure are among the last.
    await story.printer.wait_for(
        "spans of the erasure of all three services", lambda: story.observers.whole_trace(trace_id), deadline_seconds=60
    )
    searched = await story.printer.wait_for("the erasure everywhere", lambda: places.forgotten(person_id, trace_id))
    story.printer.saw(f"{mark} is in nothing that was searched", searched)


class _Places:
    """Where the text is searched."""

    def __init__(self, stack: Addresses, observers: Observers, tenant_id: UUID, mark: str, since: datetime) -> None:
        self._stack = stack
        self._observers = observers
        self._tenant_id = tenant_id
        self._mark = mark
        self._since = since

    async def known_everywhere(self) -> Search | None:
        """The rows with the text, once every database has some: the search finds what is there.
        Without access to the databases, no rows.
        """
        tables = await self._tables()
        return tables if {table.split()[0] for table in tables.found} >= self._stack.owner_dsns.keys() else None

    async def forgotten(self, person_id: str, trace_id: str) -> str | None:
        """The searched places, once no table has the text. Raises NotObserved if another place has
        it, or if a search does not find the id of the person or the trace of the erasure either.
        """
        tables = await self._tables()
        if tables.found:
            return None
        names = [topic.name for topic in declared_topics()]
        topics = await search_topics(self._stack.brokers, names, self._mark, since=self._since)
        of_person = await search_topics(self._stack.brokers, names, person_id, since=self._since)
        directory = self._stack.log_directory
        logs = search_files(sorted(directory.glob("*.log*")) if directory else (), self._mark)
        traces = [json.dumps(trace) for trace in await self._observers.traces(self._since)]
        in_traces = sum(self._mark in trace for trace in traces)
        if topics.found or logs.found or in_traces:
            raise NotObserved(
                f"nothing of the erased person; found: {dict(topics.found)}, {dict(logs.found)}, {in_traces} traces"
            )
        if not of_person.found or not any(trace_id in trace for trace in traces) or (directory and not logs.searched):
            raise NotObserved(
                f"a search that finds what is there: records of the person in {dict(of_person.found)},"
                f" {logs.searched} log files, {len(traces)} traces without that of the erasure"
            )
        return "\n".join(
            [
                _searched(tables.searched, " ".join(["tables of the databases", *self._stack.owner_dsns])),
                f"{topics.searched} records of {len(names)} topics since the person joined,"
                f" of them {sum(of_person.found.values())} with the id of the person",
                _searched(logs.searched, "log files"),
                f"{len(traces)} traces of the viewer, with that of the erasure",
                "not searched: the mail server, which has the mails that were sent",
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


async def _trace_of_erasure(story: Story, person_id: str) -> str | None:
    """The trace id of `user.erased`."""
    records = await story.observers.records("users.user", person_id)
    erased = [record.headers for record in records if record.headers["ce_type"] == "user.erased"]
    return erased[0]["traceparent"].split("-")[1] if erased else None


def _searched(number: int, what: str) -> str:
    return f"{number} {what}" if number else f"not searched, because only the containers reach them: {what}"


def _listed(found: Mapping[str, int]) -> str:
    return (
        "found in " + ", ".join(f"{table} ({rows})" for table, rows in found.items())
        if found
        else "the databases are not searched"
    )
