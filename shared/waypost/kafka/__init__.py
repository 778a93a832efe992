"""Kafka adapters. Importing this package patches aiokafka's header parsing, its fetches, the
records of these adapters' clients, and its connections, for these adapters and for Faust.
"""

from waypost.kafka.expiring_connection import replace_connections
from waypost.kafka.fetched_records import return_records
from waypost.kafka.header_names import read_any_header_name
from waypost.kafka.patient_fetcher import wait_longer_when_idle

read_any_header_name()
return_records()
wait_longer_when_idle()
replace_connections()
