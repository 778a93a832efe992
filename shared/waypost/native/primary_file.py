"""The file with the name of PostgreSQL's primary, which a promotion writes."""

from pathlib import Path


def stored_primary(file: Path, first: str) -> str:
    """The name in the file; `first` before the first promotion."""
    return file.read_text() if file.exists() else first
