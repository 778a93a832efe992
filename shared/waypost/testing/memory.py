"""In-memory implementations of the ports, for tests of handlers and the engine. They pass the same
behaviour suites as the real adapters.
"""

from waypost.memory.broker import MemoryBroker
from waypost.memory.consumer_transaction import MemoryConsumerTransactions
from waypost.memory.database import MemoryDatabase, QueuedJob
from waypost.memory.outbox import MemoryOutbox
from waypost.memory.unit_of_work import MemoryUnitsOfWork
from waypost.memory.wakeups import MemoryWakeups

__all__ = [
    "MemoryBroker",
    "MemoryConsumerTransactions",
    "MemoryDatabase",
    "MemoryOutbox",
    "MemoryUnitsOfWork",
    "MemoryWakeups",
    "QueuedJob",
]
