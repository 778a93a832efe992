"""Traces, metrics and logs. The names of spans and metrics are public API; each is defined once, in
this package.
"""
