"""Attacks on the real applications and databases, generated from their routes, their OpenAPI
documents and their catalogues: a new route or table is attacked without a change here.

`make test` runs a bounded number of each. `make attacks` runs as many as it is asked for.
"""
