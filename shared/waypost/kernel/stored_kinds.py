"""Kinds and statuses that are stored as text: a newer release that runs beside this one may have
stored one that this release does not have.
"""

from datetime import timedelta
from enum import StrEnum
from typing import TypeVar

from waypost.kernel.errors import NewerKind

K = TypeVar("K", bound=StrEnum)

RETRY_AFTER = timedelta(seconds=10)
"""A process of the newer release may serve the repeated request."""


def member_or_text(kind: type[K], stored: str) -> K | str:
    """For answers: the member, or the stored text if it is of a newer release."""
    try:
        return kind(stored)
    except ValueError:
        return stored


def known_member(kind: type[K], stored: str) -> K:
    """For decisions: the member. Raises NewerKind if it is of a newer release, whose processes know
    what to do: a request is answered with 503, jobs and records wait without using an attempt.
    """
    try:
        return kind(stored)
    except ValueError:
        raise NewerKind(
            f"{stored!r} is not a {kind.__name__} of this release: a newer release has stored it and handles it."
            " Send the request again, or replace this process",
            RETRY_AFTER,
            kind=kind.__name__,
            stored=stored,
        ) from None
