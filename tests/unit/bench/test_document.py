"""The document shows the stored results."""

from bench.frame import growth, profiles, results
from bench.frame.document import BLOCK, PAGE, README, page_of, readme_of


def test_the_page_equals_the_results() -> None:
    assert PAGE.read_text() == page_of(results.read(), growth.read(), profiles.read(), profiles.read(profiles.BEFORE))


def test_the_readme_equals_the_results() -> None:
    text = README.read_text()
    assert BLOCK.search(text)
    assert text == readme_of(text, results.read())
