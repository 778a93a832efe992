"""The steps of one guide run on one worker; other tests are distributed by file."""

from infra.stack.places import CHECKOUT
from tests.fixtures.distribution import GUIDE_STEP, SHARING, scope_of
from tests.guides.followed import test_guides


def test_the_steps_of_one_guide_are_a_scope() -> None:
    scopes = [scope_of(f"{GUIDE_STEP}{step}]") for step in ("add-a-job: run make check", "add-a-job: run make test")]
    assert len(set(scopes)) == 1
    assert scope_of(f"{GUIDE_STEP}from-arq: run make check]") not in scopes


def test_a_file_is_a_scope() -> None:
    tests = (
        "tests/unit/test_a.py::test_one",
        "tests/unit/test_a.py::test_two[a: b]",
        "tests/unit/test_a.py::T::test_x",
    )
    assert {scope_of(test) for test in tests} == {"tests/unit/test_a.py"}


def test_files_that_share_a_server_are_a_scope() -> None:
    scopes = {scope_of(f"{path}{'test_a.py' if path.endswith('/') else ''}::test_one") for path in SHARING}
    assert scopes == set(SHARING.values())
    assert all((CHECKOUT / path).exists() for path in SHARING)


def test_the_steps_are_found_by_their_names() -> None:
    file = CHECKOUT / GUIDE_STEP.partition("::")[0]
    assert file.samefile(test_guides.__file__)
    assert GUIDE_STEP.endswith(f"::{test_guides.test_a_guide_can_be_followed.__name__}[")
