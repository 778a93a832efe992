"""Avro event schemas: lint, lock, samples, generated classes, compatibility and the codec. `waypost
schemas --help` lists the commands.
"""
