"""The table finds the rows of every module."""

from bench.table import ROWS


def test_the_hot_paths_are_guarded() -> None:
    assert [name for name, row in ROWS.items() if row.guarded] == ["B1", "B2", "B3", "B4", "B5", "B6"]


def test_rows_are_in_the_order_of_their_numbers() -> None:
    numbers = [name for name in ROWS if name.removeprefix("B").isdigit()]
    assert numbers == sorted(numbers, key=lambda name: int(name[1:]))
    assert [name for name in ROWS if name.startswith("B3")] == ["B3", "B3-100us", "B3-1000us"]


def test_every_row_has_a_deadline_and_a_goal() -> None:
    assert all(row.deadline_seconds > 0 and row.goals for row in ROWS.values())
