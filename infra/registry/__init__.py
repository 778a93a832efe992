"""A read-only schema registry with Confluent's API over the committed lock file, for external
tools.
"""
