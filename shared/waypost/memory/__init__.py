"""The ports in memory, for unit tests and simulations; they pass the behaviour suites that the real
ones pass.
"""
