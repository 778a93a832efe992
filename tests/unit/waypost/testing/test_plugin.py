"""The plugin names the settings that it needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from waypost.testing.plugin import NEEDED


def run(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    lines = "".join(f'{name} = "{value}"\n' for name, value in settings.items())
    (folder / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{lines}")
    (folder / "conftest.py").write_text('pytest_plugins = ["waypost.testing.plugin"]\n')
    (folder / "test_one.py").write_text("def test_one(clock):\n    assert clock.now().tzinfo\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_with_its_settings_the_fixtures_are_there(tmp_path: Path) -> None:
    done = run(tmp_path, **NEEDED)
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout + done.stderr


@pytest.mark.parametrize("missing", NEEDED)
def test_a_setting_that_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    done = run(tmp_path, **{name: value for name, value in NEEDED.items() if name != missing})
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f'Set {missing} = "{NEEDED[missing]}" under [tool.pytest.ini_options]' in done.stderr
