"""Commands, relay, consumers, retries and rebuilds: logic over ports, independent of PostgreSQL and
Kafka.
"""
