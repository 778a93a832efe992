"""`waypost openapi export` and `waypost asyncapi export`: what services say of themselves, made
from this checkout alone.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from waypost.cli.output import console, remark
from waypost.cli.services import chosen_services, service_named
from waypost.hosting.api import openapi_of
from waypost.hosting.asyncapi import asyncapi_of
from waypost.hosting.service import Service
from waypost.kernel.errors import Misconfigured

Document = Callable[[Service], Mapping[str, Any]]

openapi = typer.Typer(no_args_is_help=True, help="The services' HTTP APIs, as OpenAPI documents.")
asyncapi = typer.Typer(no_args_is_help=True, help="The services' events, as AsyncAPI documents.")

Named = Annotated[str | None, typer.Argument(help="One service; all of them unless given.")]
Output = Annotated[Path | None, typer.Option(help="A folder, for a file `<service>.<kind>.json` each.")]


@openapi.command("export")
def export_openapi(service: Named = None, output: Output = None) -> None:
    """Writes the OpenAPI documents. Nothing has to run."""
    _export("openapi", openapi_of, service, output)


@asyncapi.command("export")
def export_asyncapi(service: Named = None, output: Output = None) -> None:
    """Writes the AsyncAPI documents: channels, who publishes, who handles, the Avro schemas.
    Nothing has to run.
    """
    _export("asyncapi", asyncapi_of, service, output)


def _export(kind: str, document: Document, service: str | None, output: Path | None) -> None:
    if output is not None:
        _write(kind, document, service, output)
    elif service is not None:
        console.print(_text(document(service_named(service))), soft_wrap=True, end="")
    else:
        raise typer.BadParameter("name a service, or a folder with --output for all of them")


def _write(kind: str, document: Document, service: str | None, output: Path) -> None:
    """All documents are made before the first is written."""
    texts = {output / f"{each.name}.{kind}.json": _text(document(each)) for each in chosen_services(service)}
    try:
        output.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            file.write_text(text, encoding="utf-8")
            remark(f"wrote {file}")
    except OSError as error:
        raise Misconfigured(
            f"cannot write to {output}: {error.strerror}. Name a folder of yours with --output"
        ) from error


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
