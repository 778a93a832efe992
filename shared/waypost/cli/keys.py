"""`waypost keys show` and `rotate`"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from waypost.cli.output import AsJson, console, present, print_to_stderr
from waypost.cli.services import chosen_services, setting_of
from waypost.kernel.errors import Misconfigured
from waypost.project import variable
from waypost.web.signing_keys import ANNOUNCED_FOR, SigningKeys, replace_key_file

FILE = "signing.json"

commands = typer.Typer(no_args_is_help=True, help="Keys that sign access tokens.")


@commands.command()
def show(as_json: AsJson = False) -> None:
    """Lists the keys that sign and verify access tokens, with the time from which each signs."""
    keys, now = _read(_file()), datetime.now(UTC)
    signer, accepted = keys.signer(now), keys.accepted(now)
    found = []
    for each in keys.keys:
        state = "signs" if each.key is signer else "announced" if each.signs_from > now else "accepted"
        state = state if any(each.key is key for key in accepted) else "ended"
        found.append({"key_id": each.key.kid, "state": state, "signs_from": each.signs_from})
    present(found, lambda: _print(found), as_json=as_json)


def _print(found: Sequence[Mapping[str, Any]]) -> None:
    for each in found:
        since = f"{each['signs_from']:%Y-%m-%d %H:%M:%S}"
        console.print(f"{each['key_id']}  {each['state']:9}  from {since} UTC", soft_wrap=True)


@commands.command()
def rotate(
    end_others: Annotated[
        bool,
        typer.Option(
            "--end-others",
            help="Signs with the new key at once, and ends every token of the other keys. For a key that others may know.",
        ),
    ] = False,
) -> None:
    """Adds a key, which signs in 20 minutes. The processes notice the file within a second.

    No request is refused: the new key is published before it signs, and the old one is accepted
    until its tokens have ended. Sessions continue in both cases.
    """
    path, now = _file(), datetime.now(UTC)
    announced_for = timedelta(0) if end_others else ANNOUNCED_FOR
    keys = _read(path).rotated(now, announced_for=announced_for, ends_others=end_others)
    replace_key_file(path, keys)
    added = keys.keys[-1]
    print_to_stderr(f"key {added.key.kid} signs from {added.signs_from:%Y-%m-%d %H:%M:%S} UTC")


def _file() -> Path:
    """Raises Misconfigured if no service signs tokens."""
    for service in chosen_services(None):
        if service.signing_key is not None:
            return Path(setting_of(service.name, variable("KEYS_DIRECTORY"))) / FILE
    raise Misconfigured("no service signs tokens: declare signing_key in the Service of one app")


def _read(path: Path) -> SigningKeys:
    try:
        document = json.loads(path.read_text())
        return SigningKeys.of(document if isinstance(document, dict) else {})
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{path} holds no usable keys: {error}", path=str(path)) from error
