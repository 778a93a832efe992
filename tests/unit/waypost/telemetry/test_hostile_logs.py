"""Text of users in log lines, on a terminal and as JSON: it ends no line and colors none."""

import json
import logging as standard
import sys
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
import structlog

from tests.fixtures.names import HOSTILE_TEXTS
from waypost.kernel.text import is_storable, visible
from waypost.telemetry import logging

log = structlog.get_logger()
Configure = Callable[[bool], StringIO]


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    root, before = standard.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level

    def configured(console: bool) -> StringIO:
        stream = StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
        logging.configure("billing", console=console)
        return stream

    yield configured
    structlog.configure(**before)
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize("console", [True, False], ids=["terminal", "json"])
@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_text_is_only_text_in_each_part_of_a_line(configure: Configure, text: str, console: bool) -> None:
    hostile, benign = (_logged(configure(console), word) for word in (text, "Ada"))
    assert hostile.count("\x1b") == benign.count("\x1b"), "colors are the renderer's"
    assert visible(hostile.replace("\x1b", ""), keep="\n\t") == hostile.replace("\x1b", "")
    starts = [[line[:4] for line in printed.split("\n")] for printed in (hostile, benign)]
    if console:
        assert [len([start for start in each if start.startswith("\x1b")]) for each in starts] == [6, 6]
    else:
        assert len(hostile.splitlines()) == len(benign.splitlines()) == 6
        if is_storable(text):
            assert json.loads(hostile.splitlines()[0])["name"] == json.loads(json.dumps(text)) or "@" in text


def _logged(stream: StringIO, text: str) -> str:
    word = text.encode(errors="replace").decode()  # orjson writes no half of a surrogate pair
    log.info("renamed", name=word)
    log.info("renamed", changes={"name": [word]})
    log.info(word)
    log.info("renamed", **{word: 1})
    try:
        raise ValueError(word)
    except ValueError:
        log.exception("failed")
    standard.getLogger("library").warning("renamed %s", word)
    return stream.getvalue()
