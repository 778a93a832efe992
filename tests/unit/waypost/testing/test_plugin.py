"""The plugin names the settings that it needs."""

import os
from pathlib import Path

import pytest

from tests.fixtures.forked import Finished, finished
from waypost.testing.plugin import NEEDED


async def run(folder: Path, **settings: str) -> Finished:
    lines = "".join(f'{name} = "{value}"\n' for name, value in settings.items())
    (folder / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{lines}")
    (folder / "conftest.py").write_text('pytest_plugins = ["waypost.testing.plugin"]\n')
    (folder / "test_one.py").write_text("def test_one(clock):\n    assert clock.now().tzinfo\n")
    options = ("-q", "-p", "no:cacheprovider", "-c", str(folder / "pyproject.toml"))
    return await finished("pytest", *options, str(folder), environment=os.environ)


async def test_with_its_settings_the_fixtures_are_there(tmp_path: Path) -> None:
    done = await run(tmp_path, **NEEDED)
    assert (done.code, "1 passed" in done.output) == (0, True), done.output + done.problem


@pytest.mark.parametrize("missing", NEEDED)
async def test_a_setting_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    done = await run(tmp_path, **{name: value for name, value in NEEDED.items() if name != missing})
    assert done.code == pytest.ExitCode.USAGE_ERROR
    assert f'Set {missing} = "{NEEDED[missing]}" under [tool.pytest.ini_options]' in done.problem
