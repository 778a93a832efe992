"""Background work on the service's own database: it commits with the fact that caused it, and runs
in a process of its own.
"""
