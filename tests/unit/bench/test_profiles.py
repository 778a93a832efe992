"""A profile is reduced to microseconds by package and by function."""

import xml.etree.ElementTree as ET
from pathlib import Path

from bench.frame.flame_graph import draw_flame_graph, tree_of
from bench.frame.profiles import package_of, parsed, summary

FOLDED = """\
run (asyncio/runners.py:190);handle (waypost/engine/bus.py:50);execute (sqlalchemy/engine/base.py:10) 6
run (asyncio/runners.py:190);handle (waypost/engine/bus.py:52);execute (sqlalchemy/engine/base.py:99) 2
run (asyncio/runners.py:190);dumps (json/__init__.py:5) 2
"""


def test_lines_of_one_function_are_one_frame() -> None:
    assert sum(parsed(FOLDED).values()) == 10
    assert len(parsed(FOLDED)) == 2


def test_time_is_counted_for_the_innermost_package_and_for_each_of_our_functions() -> None:
    entry = summary(parsed(FOLDED), cpu_us=1000)
    assert entry["packages"] == {"sqlalchemy": 800, "json": 200}
    assert entry["functions"] == {"handle (waypost/engine/bus.py)": 800}


def test_the_preparation_of_an_arm_does_not_count() -> None:
    assert parsed("main (bench/jobs_drain.py:1);prepare (bench/jobs_drain.py:9);f (waypost/a/b.py:1) 4") == {}


def test_a_function_with_the_whole_time_is_left_out() -> None:
    stacks = parsed("run (waypost/a/b.py:1);f (waypost/a/b.py:2) 3\nrun (waypost/a/b.py:1);g (waypost/a/b.py:3) 1")
    assert list(summary(stacks, cpu_us=100)["functions"]) == ["f (waypost/a/b.py)", "g (waypost/a/b.py)"]


def test_our_packages_are_shown_one_level_deeper() -> None:
    assert package_of("begin (waypost/postgres/database.py)") == "waypost.postgres"
    assert package_of("loads (json.py)") == "json (standard library)"


def test_a_sample_without_a_python_frame_is_the_event_loop() -> None:
    assert summary(parsed(" 5"), cpu_us=50)["packages"] == {"event loop, no Python function": 50}


def test_a_recursive_function_counts_once() -> None:
    entry = summary(parsed("f (waypost/a/b.py:1);f (waypost/a/b.py:1) 4\ng (json/a.py:1) 1"), cpu_us=100)
    assert entry["functions"] == {"f (waypost/a/b.py)": 80}


def test_the_flame_graph_has_a_bar_for_each_frame(tmp_path: Path) -> None:
    file = tmp_path / "flame.svg"
    draw_flame_graph(parsed(FOLDED), file)
    titles = [title.text for title in ET.parse(file).iter("{http://www.w3.org/2000/svg}title")]  # noqa: S314 - our own file
    assert titles == [
        "run (asyncio/runners.py) 100.0%",
        "dumps (json/__init__.py) 20.0%",
        "handle (waypost/engine/bus.py) 80.0%",
        "execute (sqlalchemy/engine/base.py) 80.0%",
    ]
    assert tree_of(parsed(FOLDED)).samples == 10
