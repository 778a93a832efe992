"""A payment provider: idempotency keys, test cards that fail in known ways, refunds, signed
webhooks.
"""
