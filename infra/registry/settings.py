"""Settings of the registry."""

from pathlib import Path
from typing import ClassVar

from infra.http_process import ServingSettings


class RegistrySettings(ServingSettings):
    port_offset: ClassVar[int] = 81

    # Holds registry.lock.json and the files that it names.
    schemas_directory: Path = Path(__file__).parents[2] / "schemas"
