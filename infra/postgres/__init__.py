"""The budget of PostgreSQL connections."""
