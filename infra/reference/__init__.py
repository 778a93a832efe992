"""Generates `docs/reference/`: settings, metrics, log events, errors, commands and events, read
from the code itself.
"""
