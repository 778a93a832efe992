"""Words, keys and the mail server, each behind its port."""
