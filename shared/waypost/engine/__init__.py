"""How things run: commands, relay, consumers, retries, rebuilds. Logic over ports; knows neither
PostgreSQL nor Kafka.
"""
