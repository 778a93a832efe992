"""The catalogue of a database: columns, indexes, constraints, policies and grants of the toolkit's
tables.
"""

from waypost.postgres.provisioning.databases import ServiceDatabase
from waypost.testing.database import connected

_CATALOGUE = """
select 'column', table_name, format('%s %s %s %s', column_name, data_type, is_nullable, column_default)
from information_schema.columns where table_schema = 'public'
union all select 'index', tablename, indexdef from pg_indexes where schemaname = 'public'
union all select 'constraint', conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint
    where connamespace = 'public'::regnamespace
union all select 'policy', tablename, format('%s %s %s %s', policyname, roles, qual, with_check) from pg_policies
union all select 'table', relname, format('%s %s %s %s', relrowsecurity, relforcerowsecurity, relacl::text[], reloptions)
    from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
union all select 'grant', attrelid::regclass::text, format('%s %s', attname, attacl::text[]) from pg_attribute
    join pg_class on pg_class.oid = attrelid where relnamespace = 'public'::regnamespace and attacl is not null"""


async def catalogue(where: ServiceDatabase) -> set[tuple[str, str, str]]:
    async with connected(where.owner) as owner:
        found = {tuple(map(str, row)) for row in await owner.fetch(_CATALOGUE)}
    return {(kind, table, text) for kind, table, text in found}
