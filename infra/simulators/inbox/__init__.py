"""A mail server that delivers to a web page: real SMTP in, every mail kept and shown, nothing sent
on.
"""
