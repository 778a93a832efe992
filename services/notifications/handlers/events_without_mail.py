"""The events of other services that cause no mail, each with its reason. A test fails for an event
type that is neither here nor handled by `NOTICES`.
"""

from collections.abc import Mapping

EVENTS_WITHOUT_MAIL: Mapping[str, str] = {
    "customer.created": "follows user.created, which is mailed",
    "customer.erased": "follows user.erased",
    "customer.invoice_written_off": "follows invoice.marked_uncollectible, which is mailed",
    "customer.updated": "follows a change of the profile or the address",
    "customer.write_off_settled": "follows invoice.paid or invoice.voided, which are mailed",
    "invitation.accepted": "ends the invitation; the new user gets the mails of an account",
    "invitation.withdrawn": "ends the invitation, whose address is not proved",
    "invoice.created": "a draft, which its customer does not see",
    "invoice.discarded": "a draft, which its customer does not see",
    "invoice.line_added": "a draft, which its customer does not see",
    "payment_method.made_default": "the customer chooses between cards that were attached before, each with a mail",
    "person_key.created": "concerns no person",
    "person_key.destroyed": "follows user.erased",
    "revenue.window_totaled": "concerns no person",
    "subscription.caught_up": "follows invoice.paid or invoice.voided, which are mailed",
    "subscription.renewed": "invoice.finalized of the period is mailed",
    "tenant.created": "the owner gets the mail that verifies the address",
    "tenant.join_policy_changed": "the owner changes it, and it concerns no other person",
    "tenant.renamed": "mails show the new name",
    "user.email_changed": "the previous address was mailed at the request, the new one is mailed at its proof",
    "user.erased": "the address is deleted",
    "user.profile_updated": "changes neither credentials nor rights",
    "user.sessions_ended": "an end of sessions is seen at the next request, and what causes it is mailed",
}
