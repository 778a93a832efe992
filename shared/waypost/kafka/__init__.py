"""Kafka adapters. Importing this package patches aiokafka's header parsing, for these adapters and
for Faust.
"""

from waypost.kafka.header_names import read_any_header_name

read_any_header_name()
