"""The keys that decrypt the personal data of people, from the topic of users."""

from waypost.engine.person_keys import PERSON_KEY_TABLES
from waypost.postgres.migration import execute_statements, projection_tables

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    execute_statements(projection_tables("person_keys", PERSON_KEY_TABLES))
