"""Simulators of external systems with the same rules: a payment provider and a mail server."""
