"""Password hashing, key files, access tokens, one-time tokens and tenant ids."""
