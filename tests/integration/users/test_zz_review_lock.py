import asyncio, time
from uuid import uuid4
import asyncpg, pytest
from waypost.postgres.migrate import migrate
from waypost.testing.database import Databases, connected


@pytest.mark.timeout(280)
@pytest.mark.parametrize("rate", [0, 2, 5])
async def test_it(database: Databases, monkeypatch, rate, capsys):
    where = await database("users")
    tenant = uuid4()
    async with connected(where.owner) as owner:
        await owner.execute("""drop table exports; drop schema overview cascade;
          alter table accounts.users drop column email_key, drop column name_key;
          update alembic_version set version_num = '0006'""")
        await owner.execute("select set_config('app.tenants', $1, false)", str(tenant))
        await owner.execute(
            """insert into accounts.users (tenant_id,user_id,email,display_name,role,locale,verified,suspended,version,created_at)
          select $1, gen_random_uuid(), md5(n::text)||'@example.com', 'Name '||md5(n::text), 'member','en',true,false,1,now() from generate_series(1,200000) n""",
            tenant,
        )
    stop = asyncio.Event()
    done = {"ok": 0}
    slow = []

    async def sign_up():
        # as sign-up: credentials, then the account, in one transaction
        t = time.monotonic()
        c = await asyncpg.connect(where.app)
        try:
            async with c.transaction():
                await c.execute("select set_config('app.tenants', $1, true)", str(tenant))
                u = uuid4()
                await c.execute("insert into credentials values ($1,$2,$3,'x',now())", tenant, u, f"{u}@example.com")
                await c.execute(
                    "insert into accounts.users (tenant_id,user_id,email,display_name,role,locale,verified,suspended,version,created_at) values ($1,$2,$3,'n','member','en',false,false,1,now())",
                    tenant,
                    u,
                    f"{u}@example.com",
                )
            done["ok"] += 1
        except Exception as e:
            done[type(e).__name__] = done.get(type(e).__name__, 0) + 1
        finally:
            slow.append(time.monotonic() - t)
            await c.close()

    async def load():
        tasks = []
        while not stop.is_set():
            if rate:
                tasks.append(asyncio.create_task(sign_up()))
                await asyncio.sleep(1 / rate)
            else:
                await asyncio.sleep(0.1)
        await asyncio.gather(*tasks)

    l = asyncio.create_task(load())
    await asyncio.sleep(1)
    t = time.monotonic()
    result = "migrated"
    try:
        await asyncio.wait_for(migrate("users", where.owner), 100)
    except BaseException as e:
        result = f"{type(e).__name__}: {e}"
    took = time.monotonic() - t
    out = capsys.readouterr()
    stop.set()
    await l
    with capsys.disabled():
        print(
            f"\nrate {rate}: {result} after {took:.1f}s; sign-ups {done}; slowest {max(slow, default=0):.1f}; waits {(out.out + out.err).count('migration_waits_for_lock')}"
        )
