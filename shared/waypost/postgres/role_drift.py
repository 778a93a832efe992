"""Checks at the start of a process that no role of the service can pass row-level security: by
grants, views, functions, policies, memberships, or settings of the role itself.

PostgreSQL lets a role change its own settings for good (`alter role current_user set …`): a single
injected statement could end its time limits, or bind all its later transactions to a tenant.
"""

import re
from collections.abc import Iterator, Mapping

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from waypost.kernel.errors import Misconfigured
from waypost.postgres.provisioning.roles import LIVENESS, DatabaseRole, role_name, settings_of
from waypost.postgres.sql import Sql

log = structlog.get_logger()

ROLES = (DatabaseRole.APP, DatabaseRole.RELAY, DatabaseRole.OPS)
"""The roles that serve. The owner creates policies, so no check binds it."""

DEFINER_FUNCTIONS = ("delete_expired_keys", "delete_expired_results")
"""The toolkit's own functions that run with the owner's rights. They delete expired rows, and
return numbers.
"""

_BINDING = ("app.tenants", "role", "row_security", "search_path", "session_replication_role")
"""Settings that decide what a role reads. No role of a service sets one."""

_OFF = re.compile(r"0+(\.0*)?\s*[a-zA-Z]*")
"""A limit of this value, with any unit, does not bind."""

_OWN_SCHEMAS = r"n.nspname not like 'pg\_%' and n.nspname <> 'information_schema'"


def _own(catalog: str, row: str) -> str:
    """A condition: the object belongs to no extension. Those of an extension, such as
    pg_stat_statements, contain no rows of tenants.
    """
    return (
        f"not exists (select from pg_depend d where d.classid = '{catalog}'::regclass and d.objid = {row}.oid"
        " and d.deptype = 'e')"
    )


def _reachable(catalog: str, row: str) -> str:
    """A condition: the role can reach the object, through a right to use its schema or through
    another object that refers to it. The rule of a view itself does not count.
    """
    return (
        "(has_schema_privilege(r.oid, n.oid, 'usage')"
        f" or exists (select from pg_depend d where d.refclassid = '{catalog}'::regclass and d.refobjid = {row}.oid"
        " and d.deptype = 'n' and not (d.classid = 'pg_rewrite'::regclass and exists ("
        f"select from pg_rewrite w where w.oid = d.objid and w.ev_class = {row}.oid))))"
    )


_OWN_TABLES = f"{_OWN_SCHEMAS} and {_own('pg_class', 'c')}"

# PostgreSQL enforces row-level security neither on TRUNCATE nor on foreign keys, and a trigger of
# another role runs with the rights of the role that writes.
_GRANTS = f"""
select format('role %s may %s %I.%I, which row-level security does not limit: revoke %s on %I.%I from %I',
              r.rolname, privilege, n.nspname, c.relname, privilege, n.nspname, c.relname, r.rolname) as problem
from pg_roles r cross join unnest(array['truncate', 'trigger', 'references']) as privilege
cross join pg_class c join pg_namespace n on n.oid = c.relnamespace
where r.rolname = any ($1::text[]) and c.relkind in ('r', 'p', 'v', 'f') and {_OWN_TABLES}
  and (has_table_privilege(r.oid, c.oid, privilege)
       or privilege = 'references' and has_any_column_privilege(r.oid, c.oid, privilege))"""

_SCHEMAS = f"""
select format('role %s may create objects in schema %I: revoke create on schema %I from public, %I',
              r.rolname, n.nspname, n.nspname, r.rolname) as problem
from pg_roles r cross join pg_namespace n
where r.rolname = any ($1::text[]) and {_OWN_SCHEMAS} and has_schema_privilege(r.oid, n.oid, 'create')"""

_OWNED = f"""
select format('role %s owns %I.%I, and an owner can end row-level security: alter table %I.%I owner to %I',
              r.rolname, n.nspname, c.relname, n.nspname, c.relname, $2::text) as problem
from pg_class c join pg_roles r on r.oid = c.relowner join pg_namespace n on n.oid = c.relnamespace
where r.rolname = any ($1::text[]) and c.relkind in ('r', 'p', 'v', 'm', 'f') and {_OWN_SCHEMAS}"""

# A view reads its tables with the rights of its owner, and a materialized view has no policies.
_VIEWS = f"""
select case c.relkind
       when 'v' then format('role %s reads view %I.%I with the rights of the view''s owner: alter view %I.%I set (security_invoker = true)',
                            r.rolname, n.nspname, c.relname, n.nspname, c.relname)
       else format('role %s reads %I.%I, which can have no policy: revoke select on %I.%I from %I',
                   r.rolname, n.nspname, c.relname, n.nspname, c.relname, r.rolname) end
       || '. If its rows belong to no tenant, set its comment to ''across tenants''' as problem
from pg_roles r cross join pg_class c join pg_namespace n on n.oid = c.relnamespace
where r.rolname = any ($1::text[]) and c.relkind in ('v', 'm', 'f') and {_OWN_TABLES}
  and {_reachable("pg_class", "c")}
  and has_any_column_privilege(r.oid, c.oid, 'select, insert, update')
  and not (c.relkind = 'v' and coalesce(
      (select option_value::boolean from pg_options_to_table(c.reloptions) where option_name = 'security_invoker'), false))
  and obj_description(c.oid, 'pg_class') is distinct from 'across tenants'"""

_FUNCTIONS = f"""
select format('role %s may execute %s with the rights of %s: alter function %s security invoker, or'
              ' revoke execute on function %s from public, %I. If it returns no rows of tenants, set its comment'
              ' to ''across tenants''',
              r.rolname, called, p.proowner::regrole, called, called, r.rolname) as problem
from pg_roles r cross join pg_proc p join pg_namespace n on n.oid = p.pronamespace
cross join lateral format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as called
where r.rolname = any ($1::text[]) and p.prosecdef and {_OWN_SCHEMAS} and {_own("pg_proc", "p")}
  and has_function_privilege(r.oid, p.oid, 'execute') and {_reachable("pg_proc", "p")}
  and obj_description(p.oid, 'pg_proc') is distinct from 'across tenants'
  and not (n.nspname = 'public' and p.proname = any ($2::text[]))"""

# Permissive policies are joined by OR: a second one widens the first.
_POLICIES = f"""
select format('policy %I on %I.%I also admits rows to role %s: drop policy %I on %I.%I, or write it for the owner only',
              p.polname, n.nspname, c.relname, r.rolname, p.polname, n.nspname, c.relname) as problem
from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
join pg_roles r on 0 = any (p.polroles) or exists (select from unnest(p.polroles) as member where pg_has_role(r.oid, member, 'member'))
where r.rolname = any ($1::text[]) and p.polpermissive and {_OWN_SCHEMAS}
  and not (p.polname = 'tenants' and pg_get_expr(p.polqual, p.polrelid) = pg_get_expr(p.polwithcheck, p.polrelid)
           and pg_get_expr(p.polqual, p.polrelid) like '%current_setting(''app.tenants''%')"""

_MEMBERSHIPS = """
select format('role %s is a member of %s, whose rights no release grants to it: revoke %I from %I',
              r.rolname, g.rolname, g.rolname, r.rolname) as problem
from pg_roles r join pg_roles g on g.oid <> r.oid and pg_has_role(r.oid, g.oid, 'member')
where r.rolname = any ($1::text[]) and not r.rolsuper and g.rolname <> 'pg_read_all_stats'"""

# A replica has the rows of all tenants, and a role that creates roles may grant them.
_ATTRIBUTES = """
select format('role %s has the attribute %s: alter role %I no%s', r.rolname, attribute, r.rolname, attribute) as problem
from pg_roles r cross join lateral
     (values ('replication', r.rolreplication), ('createrole', r.rolcreaterole)) as given (attribute, is_set)
where r.rolname = any ($1::text[]) and is_set"""

_SETTINGS = """
select r.rolname as role, split_part(entry, '=', 1) as name, substr(entry, strpos(entry, '=') + 1) as value, s.setdatabase <> 0 as here
from pg_roles r join pg_db_role_setting s on s.setrole = r.oid cross join unnest(s.setconfig) as entry
where r.rolname = any ($1::text[]) and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
order by here"""


async def refuse_role_drift(connection: AsyncConnection, service: str) -> None:
    """Raises Misconfigured with one line for each way past row-level security, and for each limit
    of a role that is missing or off. Logs other settings that differ from the provisioning: in a
    rolling upgrade two releases with different limits run at once. Also logs a missing keep-alive
    setting (`LIVENESS`) instead of refusing it: some platforms do not support it, and it gives
    access to no row.
    """
    sql = Sql(connection)
    roles = [role_name(service, role) for role in ROLES]
    problems: list[str] = []
    for query in (_GRANTS, _SCHEMAS, _VIEWS, _POLICIES, _MEMBERSHIPS, _ATTRIBUTES):
        problems += [row["problem"] for row in await sql.fetch(query, roles)]
    problems += [row["problem"] for row in await sql.fetch(_OWNED, roles, role_name(service, DatabaseRole.OWNER))]
    problems += [row["problem"] for row in await sql.fetch(_FUNCTIONS, roles, list(DEFINER_FUNCTIONS))]
    stored: dict[str, dict[str, str]] = {role: {} for role in roles}
    for row in await sql.fetch(_SETTINGS, roles):  # those of this database come last, as in a session
        stored[row["role"]][row["name"]] = row["value"]
    for role in ROLES:
        problems += _changed(role_name(service, role), settings_of(role), stored[role_name(service, role)])
    if problems:
        raise Misconfigured(
            f"roles of {service} could read or change more than the rows of their tenants:\n"
            + "\n".join(f"  {line}" for line in sorted(problems))
            + "\nRun each statement as a superuser, and find out who made the change: no release of Waypost does",
            problems=sorted(problems),
        )


def _changed(role: str, expected: Mapping[str, str], stored: Mapping[str, str]) -> Iterator[str]:
    for name, value in expected.items():
        found = stored.get(name)
        if name not in LIVENESS and (found is None or _OFF.fullmatch(found)):
            described = f"has no {name}" if found is None else f"has {name} = {found}"
            yield f"role {role} {described}, where the provisioning sets {value}: alter role {role} set {name} = '{value}'"
        elif found != value:
            log.warning("role_setting_differs", role=role, setting=name, found=found, provisioned=value)
    for name in sorted(set(stored).intersection(_BINDING)):
        yield f"role {role} has {name} = {stored[name]!r} from its start on: alter role {role} reset {name}"
