"""Documents by the command, with nothing running: no environment, no broker, no database."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.services import SERVICES
from infra.stack.places import CHECKOUT, TOOLKIT
from tests.fixtures.forked import finished

IMPORTABLE = {"PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(TOOLKIT)])}


def waypost(*arguments: str, seed: str) -> subprocess.CompletedProcess[str]:
    """In a process that is not forked: a fork has the hash seed of its server."""
    command = [sys.executable, "-m", "waypost.cli", *arguments]
    environment = {**IMPORTABLE, "PYTHONHASHSEED": seed}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", ["openapi", "asyncapi"])
def test_all_documents_are_written_and_are_the_same_each_time(kind: str, tmp_path: Path) -> None:
    written = waypost(kind, "export", "--output", str(tmp_path), seed="1")
    assert written.returncode == 0, written.stderr
    documents = {file.name: json.loads(file.read_text()) for file in tmp_path.iterdir()}
    assert set(documents) == {f"{service}.{kind}.json" for service in SERVICES}
    assert all(each[kind].startswith("3.") for each in documents.values())
    again = waypost(kind, "export", "users", seed="2")
    assert again.stdout == (tmp_path / f"users.{kind}.json").read_text()


async def test_an_unknown_service_is_refused_with_those_there_are(tmp_path: Path) -> None:
    refused = await finished(
        "waypost.cli", "openapi", "export", "userz", "--output", f"{tmp_path}/new", environment=IMPORTABLE
    )
    assert (refused.code, refused.output) == (1, "")
    assert refused.problem == f"waypost: there is no service 'userz'; the services are {', '.join(sorted(SERVICES))}\n"
    assert not (tmp_path / "new").exists()


async def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = f"{tmp_path}/file/folder"
    refused = await finished("waypost.cli", "asyncapi", "export", "users", "--output", folder, environment=IMPORTABLE)
    assert refused.code == 1
    assert "cannot write to" in refused.problem and "--output" in refused.problem
    assert "Traceback" not in refused.problem
