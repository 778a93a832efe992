"""Mutants are valid Python, and each changes one place."""

import pytest

from tests.mutation.mutants import RemoveCall, mutants_of, sample

SOURCE = """
async def settle(rows, limit):
    log.info("settling")
    for row in rows:
        if row.open and row.number < limit:
            await row.settle()
        else:
            continue
"""
CHANGED = [
    "    for row in []:",
    "            break",
    "            pass",
    "        if not row.open and row.number < limit:",
    "        if row.open and row.number >= limit:",
    "        if row.open or row.number < limit:",
]


def changed_lines() -> set[str]:
    before = SOURCE.splitlines()
    mutated = (mutant.mutated(SOURCE).splitlines() for mutant in mutants_of("a.py", SOURCE))
    return {line for lines in mutated for line in lines if line not in before}


@pytest.mark.parametrize("line", CHANGED)
def test_each_operator_changes_its_places(line: str) -> None:
    assert line in changed_lines()


def test_lines_of_the_log_are_not_removed() -> None:
    assert all('log.info("settling")' in mutant.mutated(SOURCE) for mutant in mutants_of("a.py", SOURCE))


def test_values_of_limits_are_not_changed() -> None:
    mutants = mutants_of("a.py", "LIMIT = 12\n\ndef is_full(rows, of=3):\n    return len(rows) > 7\n")
    assert [mutant.line for mutant in mutants if mutant.operator == "NumberReplacer"] == [4, 4]


def test_a_difference_shows_the_changed_line() -> None:
    (mutant,) = [each for each in mutants_of("a.py", SOURCE) if each.operator == "RemoveCall"]
    assert "-            await row.settle()\n+            pass" in mutant.difference(SOURCE)


def test_a_seed_repeats_the_sample() -> None:
    mutants = mutants_of("a.py", SOURCE * 10)
    assert sample(mutants, 20, seed=1) == sample(mutants[::-1], 20, seed=1) != sample(mutants, 20, seed=2)


def test_examples_of_the_operator_that_removes_calls() -> None:
    for example in RemoveCall.examples():
        (mutant,) = mutants_of("a.py", example.pre_mutation_code)
        assert mutant.mutated(example.pre_mutation_code) == example.post_mutation_code
