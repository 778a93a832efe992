"""Kafka adapters. Importing this package patches aiokafka's header parsing, its fetches and its
connections, for these adapters and for Faust.
"""

from waypost.kafka.header_names import read_any_header_name
from waypost.kafka.patient_fetcher import wait_longer_when_idle
from waypost.kafka.prompt_connection import wait_briefly_for_answers

read_any_header_name()
wait_longer_when_idle()
wait_briefly_for_answers()
