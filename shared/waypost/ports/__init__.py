"""Protocols that the engine needs from its environment. The docstrings are the contract that
`tests/contracts` checks for every adapter.
"""
