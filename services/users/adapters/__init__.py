"""Passwords, keys and tokens: what this service needs of cryptography, each behind its port."""
