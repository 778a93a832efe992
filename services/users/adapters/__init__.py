"""Passwords, keys and tokens: the service's cryptography, each part behind its port."""
