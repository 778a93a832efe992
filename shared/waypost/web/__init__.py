"""The HTTP edge: one application factory, one place for errors, tokens, idempotency keys, pages and
probes.
"""
