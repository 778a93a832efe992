"""Adopts the event of a version conflict: from now on it is the event of its version.

A producer whose database failed over may lose an event that is published already, and then store
another one under the same version. Consumers have handled the lost one; the other one conflicts.
"""

from dataclasses import dataclass
from uuid import UUID

from waypost.engine.consumer.batch import Batch
from waypost.engine.consumer.effects import Effects
from waypost.engine.consumer.message import MessageParser
from waypost.engine.consumer.policy import ConsumerPolicy
from waypost.engine.panics import panics_as_errors
from waypost.kernel.audit_context import AuditContext
from waypost.kernel.errors import Conflict, NotFound, Transient
from waypost.ports.consumer_transaction import ConsumerTransactions
from waypost.ports.dead_letters import OPEN, VERSION_CONFLICT, DeadLetter


@dataclass(frozen=True, slots=True)
class Adoption:
    """Adopts events for one consumer. With effects, those of a reactor, the event is handled. An
    async projection has none: only a rebuild can remove the other event from its rows.
    """

    name: str
    transactions: ConsumerTransactions
    parser: MessageParser
    effects: Effects | None
    policy: ConsumerPolicy

    async def adopt(self, dead_letter_id: UUID, audit_context: AuditContext) -> None:
        """Stores the adoption together with the handler's effects. Raises NotFound, Conflict for a
        dead letter that is settled or no conflict, and if the handler fails, and Transient.
        """
        dead_letter = await self._conflict(dead_letter_id)
        message = self.parser.parse(dead_letter.record)
        if message.poison is not None:
            raise Conflict(
                f"the event of dead letter {dead_letter_id} cannot be read: {message.poison}; discard it, or deploy the release"
                " that has its schema"
            )
        batch = Batch.of_one(message, step="adopt", redriven=True)
        async with self.transactions.begin(batch.tenants) as transaction:
            if not await transaction.dead_letters.adopt(dead_letter, audit_context):
                raise Conflict(f"dead letter {dead_letter_id} was settled meanwhile; see `waypost dead-letters show`")
            if self.effects is not None and message.has_handler:
                try:
                    with panics_as_errors():
                        async with self.policy.handler_timeout():
                            await self.effects.run([message], batch, transaction)
                except Transient:
                    raise
                except Exception as error:
                    raise Conflict(
                        f"the handler failed, and nothing was changed: {error!r}. Correct the handler, and adopt again"
                    ) from error
        batch.run_after_commit()

    async def _conflict(self, dead_letter_id: UUID) -> DeadLetter:
        async with self.transactions.begin(()) as transaction:
            dead_letter = await transaction.dead_letters.find(dead_letter_id)
        if dead_letter is None:
            raise NotFound(f"{self.name} has no dead letter {dead_letter_id}")
        if dead_letter.status not in OPEN:
            raise Conflict(f"dead letter {dead_letter_id} is {dead_letter.status} already")
        if dead_letter.failure is None or dead_letter.failure.error_class != VERSION_CONFLICT:
            raise Conflict(f"dead letter {dead_letter_id} is not a version conflict: redrive or discard it")
        return dead_letter
