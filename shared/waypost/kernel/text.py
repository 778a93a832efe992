"""Text as a database keeps it: PostgreSQL's holds no NUL, and no half of a surrogate pair."""


def is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


def storable(text: str) -> str:
    """With a substitute for each character that cannot be held."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
