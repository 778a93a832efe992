"""In-memory adapters of the ports, for unit tests and simulations; they pass the same behaviour
suites as the real ones.
"""
