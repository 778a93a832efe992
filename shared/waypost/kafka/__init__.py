<<<<<<< HEAD
"""Kafka adapters. Importing this package patches aiokafka's header parsing, its fetches and its
connections, for these adapters and for Faust.
||||||| dccd4437
"""Kafka adapters. Importing this package patches aiokafka's header parsing and fetches, for these
adapters and for Faust.
=======
"""Kafka adapters. Importing this package patches aiokafka's header parsing, fetches and
connections, for these adapters and for Faust.
>>>>>>> secure
"""

from waypost.kafka.expiring_connection import replace_expiring_connections
from waypost.kafka.header_names import read_any_header_name
from waypost.kafka.patient_fetcher import wait_longer_when_idle
from waypost.kafka.prompt_connection import wait_briefly_for_answers

read_any_header_name()
wait_longer_when_idle()
<<<<<<< HEAD
wait_briefly_for_answers()
||||||| dccd4437
=======
replace_expiring_connections()
>>>>>>> secure
