"""The images that tests run on."""

KAFKA = "apache/kafka:4.3.1"
POSTGRES = "postgres:18"
