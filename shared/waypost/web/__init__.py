"""HTTP: the application factory, errors, tokens, idempotency keys, pagination and probes."""
