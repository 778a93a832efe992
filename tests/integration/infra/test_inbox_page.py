"""The inbox's page: complete without a network, and safe against hostile mails."""

import re
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from infra.simulators.inbox.app import PAGE
from tests.fixtures.browser import Open
from tests.integration.infra.inbox import Inbox, mail

HOSTILE = "<script>parent.location = 'https://evil.test'</script><img src=https://evil.test/seen.png>"


@pytest.fixture
async def hostile_html(inbox: Inbox) -> AsyncIterator[httpx.Response]:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@b.test", "c@d.test", HOSTILE.replace("\n", "")
    message.set_content(HOSTILE, subtype="html")
    await inbox.receive(message)
    [summary] = (await inbox.find())["data"]
    yield await inbox.http.get(f"/api/messages/{summary['id']}/html")


async def test_a_mails_html_can_run_and_load_nothing(hostile_html: httpx.Response) -> None:
    policy = dict(
        rule.strip().partition(" ")[::2] for rule in hostile_html.headers["content-security-policy"].split(";")
    )
    assert hostile_html.headers["content-type"] == "text/html; charset=utf-8"
    assert "allow-scripts" not in policy["sandbox"]
    assert "allow-same-origin" not in policy["sandbox"]
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    assert not policy.keys() & {"script-src", "connect-src", "frame-src"}


async def test_the_page_allows_no_inline_script(inbox: Inbox) -> None:
    answer = await inbox.http.get("/")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


async def test_every_file_of_the_page_is_served_from_here(inbox: Inbox) -> None:
    html = (await inbox.http.get("/")).text
    needed = set(re.findall(r'(?:src|href)="(/page/[^"]+)"', html)) | {
        f"/page/{script.name}" for script in PAGE.glob("*.js")
    }
    for path in needed:
        assert (await inbox.http.get(path)).is_success, path


@pytest.mark.parametrize("file", sorted(PAGE.iterdir()), ids=lambda file: file.name)
def test_the_page_names_no_other_host_and_parses_no_markup(file: Path) -> None:
    content = file.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"(src|href|import|url\()[\"'=( ]*(https?:)?//", content)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|\son\w+=\"", content)


async def test_a_mail_without_html_has_no_html_page(inbox: Inbox) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "a@b.test", "c@d.test"
    message.set_content("plain")
    await inbox.receive(message)
    [summary] = (await inbox.find())["data"]
    assert (await inbox.http.get(f"/api/messages/{summary['id']}/html")).status_code == 404
    assert (await inbox.http.get("/api/messages/999999")).status_code == 404


async def test_a_browser_shows_the_list_and_the_mail_that_is_opened(inbox: Inbox, visit: Open) -> None:
    await inbox.receive(mail(subject="Welcome to Acme"))
    visited = await visit(str(inbox.http.base_url))
    await visited.page.get_by_role("navigation").get_by_text("Welcome to Acme").click()
    await visited.page.get_by_role("heading", name="Welcome to Acme").wait_for()
    await visited.page.frame_locator("iframe").get_by_text("Hello Ada").wait_for()
    visited.prove_clean()


async def test_a_hostile_mail_fetches_nothing_in_a_browser(hostile_html: httpx.Response, visit: Open) -> None:
    visited = await visit(str(hostile_html.request.url))
    await visited.page.locator("img").wait_for(state="attached")
    assert visited.page.url == str(hostile_html.request.url)
    assert all("Content Security Policy" in complaint or "sandboxed" in complaint for complaint in visited.complaints)
    assert len(visited.complaints) >= 2, "the script and the picture were refused"
