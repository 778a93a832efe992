"""The container images of the test servers."""

KAFKA = "apache/kafka:4.3.1"
POSTGRES = "postgres:18"
