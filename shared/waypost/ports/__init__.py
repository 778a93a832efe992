"""What the engine needs of the outside: small protocols whose docstrings are promises. Every
adapter passes `tests/contracts`.
"""
