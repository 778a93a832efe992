"""Stores a registration's password and profile with its verification link until the link is
used.
"""

from waypost.postgres.migration import execute_statements

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # Null for existing links: their accounts keep their password and profile.
    execute_statements("""
        alter table verification_tokens
            add column password_hash  text,
            add column display_name   text,
            add column locale         text,
            add constraint a_whole_sign_up check (num_nulls(password_hash, display_name, locale) in (0, 3))""")
