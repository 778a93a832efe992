"""The commonest passwords, from the frequency list of the package zxcvbn."""

import importlib.util
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path

LIST = "frequency_lists.py"


@cache
def common_passwords() -> frozenset[str]:
    """30,000 passwords in lower case. Loads the list without the package, whose other lists would
    stay in memory. Takes about 50 ms.
    """
    package = importlib.util.find_spec("zxcvbn")
    if package is None or package.submodule_search_locations is None:
        raise ModuleNotFoundError("zxcvbn is not installed: run make setup")
    file = Path(package.submodule_search_locations[0]) / LIST
    spec: ModuleSpec | None = importlib.util.spec_from_file_location("_frequency_lists", file)
    assert spec is not None and spec.loader is not None  # noqa: S101 - the file exists
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return frozenset(module.FREQUENCY_LISTS["passwords"])


def is_common(text: str) -> bool:
    return text in common_passwords()
