"""Typed settings from environment variables with the application's prefix. Errors name every
invalid variable.
"""

from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from waypost.kernel.errors import Misconfigured
from waypost.project import variable


class Settings(BaseSettings):
    """Base of the settings of a process or a service. Create one with `load`, which adds the
    prefix.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True)


S = TypeVar("S", bound=Settings)


def load(kind: type[S]) -> S:
    """Reads the environment. Raises Misconfigured with one line for each missing or invalid
    variable.
    """
    try:
        return kind(_env_prefix=variable(""))
    except ValidationError as error:
        lines = [f"  {variable('_'.join(map(str, item['loc'])).upper())}: {item['msg']}" for item in error.errors()]
        raise Misconfigured("cannot start, these variables are missing or invalid:\n" + "\n".join(lines)) from error
