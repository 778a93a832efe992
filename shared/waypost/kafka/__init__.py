"""Kafka. Whatever reads topics in a process, these adapters or Faust, aiokafka is under it."""

from waypost.kafka.header_names import read_any_header_name

read_any_header_name()
