"""E-mail templates, keys and the mail server, each behind its port."""
