"""Values of fields by their names, for the examples of the OpenAPI document."""

from collections.abc import Mapping

EXAMPLES: Mapping[str, object] = {
    "amount_minor": 4900,
    "brand": "visa",
    "charge_id": "ch_4fQk2",
    "code": "basic-monthly",
    "description": "Consulting in March",
    "failure": "card_declined",
    "fingerprint": "5f2b9c01",
    "interval": "month",
    "last4": "4242",
    "last_failure": "card_declined",
    "number": 17,
    "plan": "basic-monthly",
    "provider_id": "ch_4fQk2",
    "provider_refund_id": "re_4fQk2",
    "quantity": 2,
    "refund_id": "re_4fQk2",
    "total_minor": 9800,
    "unit_amount_minor": 4900,
}
