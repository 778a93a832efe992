"""Traces, metrics and logs. Names are public API: each is spelled once, here."""
