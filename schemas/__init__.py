"""The event contract: Avro sources under `avro/`, and what is made of them. `waypost schemas
--help` lists the verbs.
"""
