"""`GET /users`: filters, and the search for the beginning of an address or a name."""

import json
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.dialects import postgresql

from services.users.queries.people import UserFilter, accounts, page_of
from tests.integration.users.service import UsersService
from waypost.kernel.ids import TenantId, new_id
from waypost.kernel.role import Role
from waypost.postgres.tenancy import bind_statement
from waypost.testing.database import connected

_ADD = """
insert into accounts.users (tenant_id, user_id, email, display_name, role, locale, verified, suspended, version, created_at)
values ($1, $2, $3, $4, $5, 'en', $6, $7, 1, $8::text::timestamptz)"""

PEOPLE = (
    # address, name, role, verified, suspended, time of registration
    ("ada@example.com", "Ada Lovelace", "admin", True, False, "2026-01-05T00:00:00Z"),
    ("emilie@example.com", "Émilie du Châtelet", "member", True, False, "2026-02-05T00:00:00Z"),
    ("s@example.com", "Strauß", "member", False, False, "2026-03-05T00:00:00Z"),
    ("homer@example.com", "ΟΔΥΣΣΕΥΣ", "member", True, True, "2026-04-05T00:00:00Z"),
    ("a%b_c@example.com", "100% of_it", "member", False, True, "2026-05-05T00:00:00Z"),
)
SEARCHES: tuple[tuple[Mapping[str, str], str], ...] = (
    # parameters, first characters of the addresses found, in order
    ({"search": "ADA"}, "a"),
    ({"search": "ada@example.com"}, "a"),
    ({"search": "ada lo"}, "a"),
    ({"search": "Lovelace"}, ""),
    ({"search": "e\N{COMBINING ACUTE ACCENT}MILIE DU CHA\N{COMBINING CIRCUMFLEX ACCENT}"}, "e"),
    ({"search": "STRAUSS"}, "s"),
    ({"search": "οδυσσευς"}, "h"),
    ({"search": "a"}, "aa"),
    ({"search": "%"}, ""),
    ({"search": "100%"}, "a"),
    ({"search": "a_b"}, ""),
    ({"search": "'"}, ""),
    ({"search": "\N{GREEK SMALL LETTER IOTA WITH DIALYTIKA AND TONOS}" * 100}, ""),
    ({"role": "admin"}, "a"),
    ({"status": "active"}, "ae"),
    ({"status": "suspended"}, "ha"),
    ({"status": "unverified"}, "s"),
    ({"status": "suspended", "search": "h"}, "h"),
    ({"created_from": "2026-02-05T00:00:00Z", "created_before": "2026-04-05T00:00:00Z"}, "es"),
    ({"created_from": "2026-02-05T01:00:00+01:00", "limit": "3"}, "es"),
)


async def test_filters_are_combined_and_a_search_ignores_case_in_every_script(users: UsersService) -> None:
    owner, stranger = await users.open_tenant(), await users.open_tenant()
    ids = [await add(users, owner.tenant_id, *person) for person in PEOPLE]
    await add(users, stranger.tenant_id, *PEOPLE[0])
    for parameters, expected in SEARCHES:
        answer = await users.http.get("/users", params=parameters, headers=owner.headers)
        found = [user for user in answer.json()["data"] if user["id"] != str(owner.user_id)]
        assert "".join(user["email"][0] for user in found) == expected, (parameters, answer.text)
        assert {user["tenant_id"] for user in found} <= {str(owner.tenant_id)}
        assert all(user["created_at"].startswith("2026-0") for user in found)

    query = {"search": "a", "limit": "1"}
    pages = [(await users.http.get("/users", params=query, headers=owner.headers)).json()]
    query["cursor"] = pages[0]["next_cursor"]
    pages.append((await users.http.get("/users", params=query, headers=owner.headers)).json())
    assert [[user["id"] for user in page["data"]] for page in pages] == [[str(ids[0])], [str(ids[4])]]
    assert pages[1]["has_more"] is False


async def test_a_new_name_and_address_are_found_and_an_erased_one_is_not(users: UsersService) -> None:
    owner = await users.open_tenant()
    member = await users.join(owner.tenant_id)
    path = f"/users/{member.user_id}"

    async def found(search: str) -> int:
        answer = await users.http.get("/users", params={"search": search}, headers=owner.headers)
        return len(answer.json()["data"])

    await users.http.patch(path, json={"display_name": "Augusta King"}, headers=member.headers)
    assert [await found(text) for text in ("augusta", "ada l", member.email[:20])] == [1, 0, 1]
    assert (await users.http.delete(path, headers=owner.headers)).status_code == 204
    assert [await found(text) for text in ("augusta", member.email[:20])] == [0, 0]


REFUSED: tuple[tuple[Mapping[str, str], int], ...] = (
    ({"search": "a\0b"}, 400),
    ({"search": " "}, 422),
    ({"search": "x" * 101}, 422),
    ({"role": "operator"}, 422),
    ({"status": "erased"}, 422),
    ({"created_from": "2026-02-05T00:00:00"}, 422),
    ({"created_before": "9999-12-31T23:59:59-14:00"}, 422),
)


async def test_a_filter_that_no_user_can_match_is_refused(users: UsersService) -> None:
    owner = await users.open_tenant()
    for parameters, status in REFUSED:
        answer = await users.http.get("/users", params=parameters, headers=owner.headers)
        assert answer.status_code == status, parameters


PEOPLE_OF_A_LARGE_TENANT = 10_000
MAX_PAGES = 40
"""Of tables and indexes. All rows of the tenant have more than 200."""

_FILL = """
insert into accounts.users (tenant_id, user_id, email, display_name, role, locale, verified, suspended, version, created_at)
select $1, uuidv7(), 'person' || n || '@example.com', 'Countess ' || n, 'member', 'en', true, false, 1, now()
from generate_series(1, $2::int) as n"""


async def test_a_page_reads_few_rows_of_a_large_tenant(users: UsersService) -> None:
    tenant = TenantId(new_id())
    async with connected(users.where.owner) as owner:
        async with owner.transaction():
            await owner.execute(bind_statement([tenant]))
            await owner.execute(_FILL, tenant, PEOPLE_OF_A_LARGE_TENANT)
        await owner.execute("vacuum (analyze) accounts.users")
    wanted = {
        "users_by_email_key": UserFilter(search="PERSON77"),
        "users_by_name_key": UserFilter(search="countess 123"),
        "users_pkey": UserFilter(role=Role.MEMBER),
    }
    for index, filtered in wanted.items():
        plan = await explained(users, tenant, filtered)
        assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] <= MAX_PAGES, json.dumps(plan, indent=1)
        assert index in json.dumps(plan), json.dumps(plan, indent=1)
    async with users.unit_of_work(tenant) as uow:
        found = await accounts(uow.rows, tenant, UserFilter(search="Person77"), after=None, limit=3)
        assert [user.email for user in found] == [f"person{number}@example.com" for number in (77, 770, 771)]
        (setting,) = await uow.query("show plan_cache_mode")
    assert setting["plan_cache_mode"] == "force_custom_plan", "the plans above are those of the given texts"


async def explained(users: UsersService, tenant: TenantId, wanted: UserFilter) -> Mapping[str, int]:
    """The plan under row-level security, with the times and pages of an execution."""
    query = page_of(tenant, wanted, after=UUID(int=0), limit=51)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's dialect modules have no annotations
    sql = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    async with users.unit_of_work(tenant) as uow:
        (found,) = await uow.query(f"explain (analyze, buffers, format json) {sql}")
    plan: Mapping[str, int] = found["QUERY PLAN"][0]["Plan"]
    return plan


async def add(
    users: UsersService, tenant_id: UUID, email: str, name: str, role: str, verified: bool, suspended: bool, at: str
) -> UUID:
    user_id = new_id()
    async with connected(users.where.owner) as owner, owner.transaction():
        await owner.execute(bind_statement([TenantId(tenant_id)]))
        await owner.execute(_ADD, tenant_id, user_id, email, name, role, verified, suspended, at)
    return user_id
