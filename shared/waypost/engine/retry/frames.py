"""The origin of an error as storable text: frames of the application's code, without values."""

import sys
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

MAX_FRAMES = 12
LONGEST_TAIL = 4000
"""Limit in characters; the innermost frames are kept."""

_INSTALLED = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def location_of(error: BaseException) -> str | None:
    """File, line and function of the innermost application frame; None for an error that was never
    raised.
    """
    frames = _application_frames(error)
    return _place(frames[-1]) if frames else None


def tail_of(error: BaseException) -> str | None:
    """The innermost application frames, outermost first, each with its source line; then the
    location of the error's cause.
    """
    frames = _application_frames(error)[-MAX_FRAMES:]
    lines = [f"{_place(frame)}\n    {frame.line}" for frame in frames]
    if (cause := error.__cause__) is not None:
        lines.append(f"caused by {type(cause).__name__} at {location_of(cause) or 'an unknown place'}")
    return "\n".join(lines)[-LONGEST_TAIL:] or None


def _application_frames(error: BaseException) -> Sequence[traceback.FrameSummary]:
    """Frames outside the interpreter and the installed packages; all frames if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith(_INSTALLED)] or frames


def _place(frame: traceback.FrameSummary) -> str:
    return f"{_short(frame.filename)}:{frame.lineno} in {frame.name}"


def _short(filename: str) -> str:
    """The file name relative to its import path."""
    roots = [root for root in sys.path if root and Path(filename).is_relative_to(root)]
    return str(Path(filename).relative_to(max(roots, key=len))) if roots else filename
