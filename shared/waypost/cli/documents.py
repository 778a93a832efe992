"""`waypost openapi export` and `waypost asyncapi export`: documents generated from the code,
without a running system.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from waypost.cli.options import OneService
from waypost.cli.output import console, print_to_stderr
from waypost.cli.services import chosen_services, service_named
from waypost.hosting.api import openapi_of
from waypost.hosting.asyncapi import asyncapi_of
from waypost.hosting.service import Service
from waypost.kernel.errors import Misconfigured

Document = Callable[[Service], Mapping[str, Any]]

openapi = typer.Typer(no_args_is_help=True, help="HTTP APIs of the services, as OpenAPI documents.")
asyncapi = typer.Typer(no_args_is_help=True, help="Events of the services, as AsyncAPI documents.")

Output = Annotated[Path | None, typer.Option(help="Folder to write `SERVICE.KIND.json` of each service into.")]


@openapi.command("export")
def export_openapi(service: OneService = None, output: Output = None) -> None:
    """Writes the OpenAPI documents. Needs no running system."""
    _export("openapi", openapi_of, service, output)


@asyncapi.command("export")
def export_asyncapi(service: OneService = None, output: Output = None) -> None:
    """Writes the AsyncAPI documents: channels, publishers, handlers, Avro schemas. Needs no running
    system.
    """
    _export("asyncapi", asyncapi_of, service, output)


def _export(kind: str, document: Document, service: str | None, output: Path | None) -> None:
    if output is not None:
        _write(kind, document, service, output)
    elif service is not None:
        console.print(_text(document(service_named(service))), soft_wrap=True, end="")
    else:
        raise typer.BadParameter("name one service, or add --output FOLDER for all services")


def _write(kind: str, document: Document, service: str | None, output: Path) -> None:
    """Writes the documents of the chosen services; generates all of them before the first is
    written.
    """
    texts = {output / f"{chosen.name}.{kind}.json": _text(document(chosen)) for chosen in chosen_services(service)}
    try:
        output.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            file.write_text(text, encoding="utf-8")
            print_to_stderr(f"wrote {file}")
    except OSError as error:
        raise Misconfigured(
            f"cannot write to {output}: {error.strerror}. Name a writable folder with --output"
        ) from error


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
