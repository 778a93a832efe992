"""`python -m infra.containers.databases`: creates roles and empty databases. The only step that has
the superuser's password.
"""

import asyncio

from infra.containers.layout import PREPARED, NetworkAddresses
from infra.stack.environment import Environments
from infra.stack.keys import load_or_make_keys
from waypost.postgres.provisioning.databases import ensure_databases

if __name__ == "__main__":
    keys = load_or_make_keys(PREPARED / "keys")
    admin_dsn = Environments(NetworkAddresses(), keys).admin_dsn
    asyncio.run(ensure_databases(admin_dsn, keys.secrets.all_passwords))
