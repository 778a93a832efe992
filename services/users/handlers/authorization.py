"""Authorization of the caller against the database, in the transaction of the command."""

from waypost.kernel.actor import Actor
from waypost.ports.unit_of_work import Precondition

_REVOKED = """
select where not exists (
    select from users
    where user_id = $1 and not suspended and role = any (string_to_array($2, ','))
      and exists (
          select from refresh_tokens as token
          where token.tenant_id = users.tenant_id and token.session_id = $3 and token.user_id = users.user_id
      )
)"""


def authorize(actor: Actor) -> Precondition:
    """Refuses a user who is erased, suspended or demoted, and an ended session.

    Takes no locks: a command that runs concurrently with its actor's suspension counts as earlier.
    With locks, two admins who suspend each other could deadlock.
    """
    return Precondition(_REVOKED, (actor.user_id, ",".join(actor.role.covering_roles), actor.session_id))
