"""Where an error came from, as text that may be stored: the product's own frames, and no values."""

import sys
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

MOST_FRAMES = 12
LONGEST_TAIL = 4000
"""Characters; the innermost frames are kept."""

_INSTALLED = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def location_of(error: BaseException) -> str | None:
    """File, line and function of the innermost product frame; None for an error that was never
    raised.
    """
    frames = _product_frames(error)
    return _place(frames[-1]) if frames else None


def tail_of(error: BaseException) -> str | None:
    """The innermost product frames, outermost first, each with its source line; then the error that
    caused this one.
    """
    frames = _product_frames(error)[-MOST_FRAMES:]
    lines = [f"{_place(frame)}\n    {frame.line}" for frame in frames]
    if (cause := error.__cause__) is not None:
        lines.append(f"caused by {type(cause).__name__} at {location_of(cause) or 'an unknown place'}")
    return "\n".join(lines)[-LONGEST_TAIL:] or None


def _product_frames(error: BaseException) -> Sequence[traceback.FrameSummary]:
    """Frames outside the interpreter and the installed packages; all of them where there is no such
    frame.
    """
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith(_INSTALLED)] or frames


def _place(frame: traceback.FrameSummary) -> str:
    return f"{_short(frame.filename)}:{frame.lineno} in {frame.name}"


def _short(filename: str) -> str:
    """Relative to the import path that it was found on."""
    roots = [root for root in sys.path if root and Path(filename).is_relative_to(root)]
    return str(Path(filename).relative_to(max(roots, key=len))) if roots else filename
