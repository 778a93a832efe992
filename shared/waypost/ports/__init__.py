"""Protocols that the engine needs from its environment. The docstrings are promises; every adapter
passes `tests/contracts`.
"""
