"""A mail server with a web page: real SMTP in, every mail stored and shown, none forwarded."""
