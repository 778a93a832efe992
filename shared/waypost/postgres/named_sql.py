"""SQL statements with named parameters, for a driver that supports only `$1`."""

import re
from collections.abc import Mapping

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


class NamedSql:
    """A statement such as `NamedSql("select :id::uuid")`. Quoted text must not contain a colon
    before a lower-case letter.
    """

    def __init__(self, text: str) -> None:
        self._names = tuple(dict.fromkeys(_PARAMETER.findall(text)))
        self.text = _PARAMETER.sub(lambda found: f"${self._names.index(found[1]) + 1}", text)

    def bind(self, values: Mapping[str, object]) -> tuple[str, *tuple[object, ...]]:
        """The statement and its arguments, for `fetch(*statement.bind(values))`. Raises KeyError
        for a missing name.
        """
        return self.text, *(values[name] for name in self._names)
