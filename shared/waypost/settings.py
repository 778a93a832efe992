"""Typed settings from environment variables with the application's prefix. Errors name every
invalid variable.

Each setting may be read from a file instead, which `<variable>_FILE` names, as Docker and
Kubernetes mount secrets. `value_of` reads one variable in the same way.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict
from pydantic_settings import PydanticBaseSettingsSource as Source

from waypost.kernel.errors import Misconfigured
from waypost.project import variable

FILE_SUFFIX = "_FILE"


class Settings(BaseSettings):
    """Base of the settings of a process or a service. Create one with `load`, which adds the
    prefix.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: Source, env_settings: Source, *_: Source, **__: Source
    ) -> tuple[Source, ...]:
        """Called by pydantic: arguments, then the environment with the files that it names."""
        if isinstance(env_settings, EnvSettingsSource):
            env_settings.env_vars = {**env_settings.env_vars, **_files(settings_cls, env_settings)}
        return init_settings, env_settings


S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """Reads the environment, and the files that it names. Raises Misconfigured with one line for
    each missing or invalid variable.
    """
    try:
        return kind(_env_prefix=variable(""))
    except ValidationError as error:
        lines = [f"  {variable('_'.join(map(str, item['loc'])).upper())}: {item['msg']}" for item in error.errors()]
        raise Misconfigured("cannot start, these variables are missing or invalid:\n" + "\n".join(lines)) from error


def value_of(variables: Mapping[str, str], name: str) -> str | None:
    """The value of a variable, or the text of the file that `<name>_FILE` names, without a line
    break at its end. None if neither is set. Raises Misconfigured if both are set, and if the file
    cannot be read.
    """
    value, file = variables.get(name) or None, variables.get(name + FILE_SUFFIX)
    if not file:
        return value
    if value is not None:
        raise Misconfigured(f"both {name} and {name}{FILE_SUFFIX} are set: remove one of them")
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"{name}{FILE_SUFFIX} names a file that cannot be read: {error}. Mount the file, or correct the variable"
        ) from error


def _files(kind: type[BaseSettings], source: EnvSettingsSource) -> Mapping[str, str]:
    """The text of each file that a variable names instead of a value. A field such as
    `kafka_password_file` is itself a setting, and does not stand for another one.
    """
    found: dict[str, str] = {}
    present = {name: value for name, value in source.env_vars.items() if value is not None}
    for field in kind.model_fields:
        name = f"{source.env_prefix}{field}".lower()
        if name + FILE_SUFFIX.lower() not in present or f"{field}{FILE_SUFFIX.lower()}" in kind.model_fields:
            continue
        upper = {key.upper(): value for key, value in present.items() if key.startswith(name)}
        if (value := value_of(upper, name.upper())) is not None:
            found[name] = value
    return found
