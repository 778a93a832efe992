"""Names that a generated service cannot use: its templates, the toolkit, Python or PostgreSQL use
them.
"""

import keyword

from waypost.kernel.aggregate import Aggregate
from waypost.postgres.expected_tables import TOOLKIT_TABLES

_DATABASES = frozenset(("postgres", "template0", "template1"))
_SCHEMA_MODULES = frozenset(("catalogue", "upcasters", "avro", "samples"))

# A test compares the next two with the templates.
_VARIABLES = frozenset((
    "aggregate_type", "apply", "at", "classmethod", "cls", "command", "dataclass", "datetime",
    "description", "each", "enqueue_notice", "envelope", "envelopes", "event", "given", "id", "insert",
    "job", "log", "new_id", "notice", "page", "paged_by", "pytest", "queries", "router",
    "rows", "select", "self", "send_notice", "str", "structlog", "super", "tenant_id", "tenants_of", "uow",
    "uuid5",
))  # fmt: skip
"""Parameters, variables and imported names of the templates."""
_CLASSES = frozenset((
    "Aggregate", "Any", "AsyncConnection", "ClassVar", "Command", "Envelope", "Event",
    "InlineProjection", "Invalid", "Job", "JobContext", "OneLine", "PageRequest", "Reactor", "RequestModel", "ResponseModel",
    "Self", "Sequence", "TenantId", "TypeError", "UnitOfWork",
))  # fmt: skip
"""Classes that the templates import into the modules that define or import the service's own."""

_TABLES = frozenset(table.name for table in TOOLKIT_TABLES) | {"versions", "tenants"}
"""Tables of each service's database: the toolkit's, of the order guard, of the tenant directory."""
_ROUTES = frozenset(("docs", "metrics", "ops"))
"""First parts of routes that each service has."""
_MEMBERS = frozenset(dir(Aggregate)) | {"aggregate_type", "description", "id", "tenant_id", "version"}
"""Methods and attributes of each aggregate. The template adds a method that is named for the
verb.
"""


def is_reserved_service(name: str) -> bool:
    """PostgreSQL reserves `pg_` at the start of a role's name, such as `pg_app`."""
    return keyword.iskeyword(name) or name in _DATABASES | _SCHEMA_MODULES or f"{name}_".startswith("pg_")


def is_reserved_aggregate(name: str, *, plural: str, class_name: str) -> bool:
    return (
        name in _VARIABLES
        or plural in _VARIABLES | _TABLES | _ROUTES
        or class_name in _CLASSES
        or any(map(keyword.iskeyword, (name, plural, class_name)))  # `none` gives the class None
    )


def is_reserved_past_tense(name: str, *, aggregate: str, class_name: str) -> bool:
    """The unit test has a function with this name, next to a variable for the aggregate."""
    return name in _VARIABLES or name == aggregate or class_name in _CLASSES or keyword.iskeyword(name)


def is_reserved_verb(name: str, *, command: str, class_name: str) -> bool:
    return name in _MEMBERS or command in _VARIABLES or class_name in _CLASSES
