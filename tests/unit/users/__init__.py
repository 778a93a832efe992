"""The users service, without a database."""
