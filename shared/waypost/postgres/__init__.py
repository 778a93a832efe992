"""The ports on PostgreSQL 18: one database per service, and row-level security on every tenant
table.
"""
