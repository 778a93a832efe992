"""Documents by the command, with nothing running: no environment, no broker, no database."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.services import SERVICES
from infra.stack.places import CHECKOUT, TOOLKIT
from tests.fixtures.forked import finished

IMPORTABLE = {"PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(TOOLKIT)])}


KINDS = ("openapi", "asyncapi")

_COMMANDS = """
import json, sys
from waypost.cli.main import app
for command in json.loads(sys.argv[1]):
    app(command, standalone_mode=False)
"""


def exported(*arguments: Sequence[str], seed: str) -> str:
    """The output of `export` for both kinds, in one process that is not forked: a fork has the hash
    seed of its server.
    """
    commands = json.dumps([[kind, "export", *each] for kind, each in zip(KINDS, arguments, strict=True)])
    environment = {**IMPORTABLE, "PYTHONHASHSEED": seed}
    done = subprocess.run(
        [sys.executable, "-c", _COMMANDS, commands], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_documents_are_written_and_are_the_same_each_time(tmp_path: Path) -> None:
    exported(*(["--output", str(tmp_path / kind)] for kind in KINDS), seed="1")
    for kind in KINDS:
        documents = {file.name: json.loads(file.read_text()) for file in (tmp_path / kind).iterdir()}
        assert set(documents) == {f"{service}.{kind}.json" for service in SERVICES}
        assert all(each[kind].startswith("3.") for each in documents.values())
    again = exported(["users"], ["users"], seed="2")
    assert again == "".join((tmp_path / kind / f"users.{kind}.json").read_text() for kind in KINDS)


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
