"""The users service over HTTP, on a real database."""
