"""A projection cannot have the schema of another one's rebuild, which drops it."""

import pytest
from sqlalchemy import MetaData

from waypost.kernel.errors import Misconfigured
from waypost.ports.consumers import AsyncProjection, InlineProjection


@pytest.mark.parametrize("kind", [AsyncProjection, InlineProjection])
@pytest.mark.parametrize("name", ["prices_new", "prices_old"])
def test_a_name_of_a_rebuild_is_refused(kind: type[AsyncProjection] | type[InlineProjection], name: str) -> None:
    with pytest.raises(Misconfigured, match="a rebuild of prices uses and drops"):
        kind(name, {}, MetaData())
    assert kind("prices", {}, MetaData()).name == "prices"
