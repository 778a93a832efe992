"""Findings for a lock that is damaged, most often by a merge."""

import re
from collections.abc import Sequence
from typing import TypeVar

from waypost.schemas.problems import SchemaProblem

_CONFLICT = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)
_ONE_MEANING = "every stored event contains one, and every release must read it as the same version"
_RESTORE = "restore the file from version control"
_BY_HAND = (
    "keep the entry that is published, remove the other one from the file, and run `waypost schemas lock`,"
    " which gives its version the next id"
)


Key = TypeVar("Key", int, str)


def damaged_lock(where: str, text: str | bytes, error: Exception) -> SchemaProblem:
    """The finding for text that is not a lock."""
    readable = text if isinstance(text, str) else text.decode(errors="replace")
    if _CONFLICT.search(readable):
        return SchemaProblem(
            where,
            "the file has the conflict markers of a merge",
            "two branches locked versions, so that both gave out the same ids",
            "resolve the merge: keep the side that is published; then run `waypost schemas lock`,"
            " which gives the versions of the other side the next ids",
        )
    reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    return SchemaProblem(
        where,
        f"the file is not a lock: {reason}",
        "it holds the schema id of every published version",
        _RESTORE,
    )


def ambiguity(where: str, entries: Sequence[tuple[int, str]]) -> SchemaProblem | None:
    """The finding for ids that do not name one version each, and for versions with two ids.
    `entries` are the ids with their versions.
    """
    if shared := _first_repeated(entries):
        number, versions = shared
        return SchemaProblem(where, f"two entries have the id {number}: {', '.join(versions)}", _ONE_MEANING, _BY_HAND)
    if [number for number, _ in entries] != list(range(1, len(entries) + 1)):
        return SchemaProblem(where, "ids are not 1, 2, 3 … in order", _ONE_MEANING, _RESTORE)
    if repeated := _first_repeated([(version, str(number)) for number, version in entries]):
        version, ids = repeated
        return SchemaProblem(where, f"two entries are for {version}: ids {', '.join(ids)}", _ONE_MEANING, _RESTORE)
    return None


def _first_repeated(pairs: Sequence[tuple[Key, str]]) -> tuple[Key, Sequence[str]] | None:
    """The first key with several values."""
    values: dict[Key, list[str]] = {}
    for key, value in pairs:
        values.setdefault(key, []).append(value)
    return next(((key, found) for key, found in values.items() if len(found) > 1), None)
