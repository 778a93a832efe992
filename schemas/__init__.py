"""The event contract: Avro sources under `avro/`, and what is made of them. `python -m schemas --help` lists the verbs."""
