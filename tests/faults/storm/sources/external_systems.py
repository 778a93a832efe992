"""The records of the external systems."""

from collections.abc import Sequence

import httpx

from infra.stack.addresses import Addresses
from tests.faults.storm.evidence import Row

PAGE = 1000


async def charges(at: Addresses) -> Sequence[Row]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        answer = await http.get(f"{at.url('payments')}/v1/charges")
    return list(answer.raise_for_status().json()["data"])


async def mails(at: Addresses) -> Sequence[Row]:
    found: list[Row] = []
    page: dict[str, int] = {"limit": PAGE}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as http:
        while True:
            listed = (await http.get(f"{at.url('mail')}/api/messages", params=page)).raise_for_status().json()
            found += listed["data"]
            if not listed["has_more"]:
                return found
            page["before"] = listed["next_cursor"]
