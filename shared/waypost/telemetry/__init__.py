"""Traces, metrics and logs. Their names are public API; each is defined once, here."""
