"""The steps of a guide are found, applied and checked."""

import re
from pathlib import Path

import pytest

from infra.stack.places import CHECKOUT
from tests.guides.guide_run import GuideRun
from tests.guides.pages import PAGES
from tests.guides.steps import Edit, NotFollowable, Run, steps_of
from waypost.testing.folders import scratch_folder

NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tests_that_a_guide_names_are_there(page: Path) -> None:
    named = NAMED_TEST.findall(page.read_text())
    assert [(file, test) for file, test in named if f"def {test}(" not in (CHECKOUT / file).read_text()] == []


GREETING = "def greet():\n    return 'hello'\n"
EDIT = "`a.py`\n```diff\n def greet():\n-    return 'hello'\n+    return 'hi'\n```\n"


def edit_of(page: str) -> Edit:
    (step,) = steps_of(page)
    assert isinstance(step, Edit)
    return step


def test_an_edit_finds_its_place_by_the_words_around_it() -> None:
    assert edit_of(EDIT).apply_to(GREETING) == "def greet():\n    return 'hi'\n"


@pytest.mark.parametrize("text", ["", GREETING.replace("hello", "hallo"), GREETING * 2])
def test_an_edit_of_a_file_that_reads_otherwise_is_refused(text: str) -> None:
    with pytest.raises(NotFollowable):
        edit_of(EDIT).apply_to(text)


def test_block_that_cannot_be_followed_is_refused() -> None:
    with pytest.raises(NotFollowable, match="names no file"):
        steps_of("```python\nprint()\n```\n")


async def test_failed_command_is_reported_with_its_output() -> None:
    with scratch_folder() as folder, pytest.raises(NotFollowable, match="no such luck"):
        await GuideRun(folder).follow([Run("echo no such luck && false")])


@pytest.mark.parametrize("started", [True, False])
async def test_stack_of_a_guide_is_stopped_if_it_was_started(started: bool) -> None:
    with scratch_folder() as folder:
        run = GuideRun(folder)
        (folder / "Makefile").write_text("down:\n\ttouch stopped\nup:\n\tmkdir .waypost/$$WAYPOST_PORT_BASE\n")
        await run.follow([Run("make up")] if started else [])
        await run.close()
        assert (folder / "stopped").exists() == started
