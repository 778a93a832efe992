"""The ports on PostgreSQL 18: one database per service, row-level security on everything that
belongs to a tenant.
"""
