"""Text of users in pages: it adds no element, and no page inserts text as HTML."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import waypost
from tests.fixtures.names import HOSTILE_TEXTS
from waypost.web.pages import page_of

ROOT = Path(__file__).parents[4]
FOLDERS = (ROOT / "services", ROOT / "infra", Path(waypost.__file__).parent)
PAGES = [page for folder in FOLDERS for page in sorted(folder.rglob("*.html")) if "templates" not in page.parts]
SCRIPTS = [*PAGES, *(script for folder in FOLDERS for script in sorted(folder.rglob("*.js")))]
SERVED = {
    f"{page.parent.relative_to(root).as_posix().replace('/', '.')}:{page.name}"
    for root in (ROOT, Path(waypost.__file__).parents[1])
    for page in PAGES
    if page.is_relative_to(root) and (page.parent / "__init__.py").exists() and "{title}" in page.read_text()
    if not page.is_relative_to(ROOT / "shared") or root != ROOT
}
INSERTS_HTML = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\.srcdoc\b|\beval\(")


@pytest.mark.parametrize("page", sorted(SERVED))
def test_a_title_is_only_text(page: str) -> None:
    package, _, file = page.partition(":")
    benign = _elements(bytes(page_of(package, file, title="Ada").body))
    for name, text in HOSTILE_TEXTS.items():
        shown = page_of(package, file, title=text.encode(errors="replace").decode())
        assert _elements(bytes(shown.body)) == benign, name


def test_there_are_pages() -> None:
    assert SERVED and len(SCRIPTS) > len(SERVED)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_page_inserts_text_as_html(script: Path) -> None:
    assert not INSERTS_HTML.search(script.read_text())


def _elements(page: bytes) -> list[tuple[str, int]]:
    class Elements(HTMLParser):
        found: list[tuple[str, int]]

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.found.append((tag, len(attrs)))

    elements = Elements()
    elements.found = []
    elements.feed(page.decode())
    return elements.found
