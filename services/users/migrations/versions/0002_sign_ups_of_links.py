"""What a sign-up typed is kept beside its verification link until that is used."""

from waypost.postgres.migration import apply

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # The links that are out keep what their accounts have: null.
    apply("""
        alter table verification_tokens
            add column password_hash  text,
            add column display_name   text,
            add column locale         text,
            add constraint a_whole_sign_up check (num_nulls(password_hash, display_name, locale) in (0, 3))""")
