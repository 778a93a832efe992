"""The command line for dead letters of a real consumer. `tests/integration/operations` tests the
effects in a service.
"""

from tests.fixtures.club import Stage, User
from tests.fixtures.club.operator import WHY, Operator

CLUB = ("--service", "club")


async def test_a_dry_run_prints_the_dead_letters_that_a_redrive_would_process(
    stage: Stage, operator: Operator, bob: User
) -> None:
    rehearsed = await operator.runs("dead-letters", "redrive", "--error-class", "Permanent", *CLUB, "--dry-run")
    assert (rehearsed.code, "would be redriven" in rehearsed.output) == (0, True)
    assert "would redrive 1 keys; their dead letters: 1 dead, 2 waiting; nothing was changed" in rehearsed.problem
    assert await stage.greeted(bob) == [[]]


async def test_a_redrive_by_filter_prints_every_dead_letter(stage: Stage, operator: Operator, bob: User) -> None:
    finished = await operator.runs(
        "dead-letters", "redrive", "--key", str(bob.id), *CLUB, "--rate", "100/s", *WHY, "--json"
    )
    (club,) = finished.told
    (key,) = club["keys"]
    assert (finished.code, key["outcome"]) == (0, "unparked")
    assert [(each["sequence"], each["status"]) for each in key["dead_letters"]] == [(n, "redriven") for n in (1, 2, 3)]
    assert await stage.greeted(bob) == [[1, 2, 3]]

    again = await operator.runs("dead-letters", "redrive", "--key", str(bob.id), *CLUB, *WHY)
    assert (again.code, again.output) == (1, "")
    assert "no open dead letter of club matches; 3 that match are settled already: nothing was changed" in again.problem


async def test_a_dead_letter_is_listed_and_shown(operator: Operator, bob: User) -> None:
    dead = (await operator.runs("dead-letters", "list", "club", "--status", "dead", "--json")).told[0]
    shown = (await operator.runs("dead-letters", "show", dead["id"], "--json")).told
    assert "batch_processor.py" in shown.pop("traceback")
    assert {**shown, "record": None} == {**dead, "record": None}
    assert shown["record"]["type"] == "user.created"


async def test_a_dead_letter_is_discarded_by_its_id(stage: Stage, operator: Operator, bob: User) -> None:
    ((dead,),) = await stage.rows("select id from dead_letters where status = 'dead'")
    discarded = await operator.runs("dead-letters", "discard", str(dead), "--yes", *WHY)
    assert (discarded.code, await stage.greeted(bob)) == (0, [[2, 3]])


async def test_dead_letters_are_discarded_by_a_filter(stage: Stage, operator: Operator, bob: User) -> None:
    rehearsed = await operator.runs("dead-letters", "discard", "--error-class", "Permanent", *CLUB, "--dry-run")
    assert (rehearsed.code, "would be discarded" in rehearsed.output) == (0, True)
    assert "would discard 1 dead letters; nothing was changed" in rehearsed.problem
    discarded = await operator.runs(
        "dead-letters", "discard", "--error-class", "Permanent", *CLUB, "--yes", *WHY, "--json"
    )
    ((dead, *behind),) = [each["dead_letters"] for each in discarded.told[0]["dead_letters"]]
    assert (discarded.code, dead["status"], [each["status"] for each in behind]) == (0, "discarded", ["redriven"] * 2)
    assert await stage.greeted(bob) == [[2, 3]]
    again = await operator.runs("dead-letters", "discard", "--error-class", "Permanent", *CLUB, "--yes", *WHY)
    assert (again.code, "no open dead letter of club matches: nothing was changed" in again.problem) == (1, True)
