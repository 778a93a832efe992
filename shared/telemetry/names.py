"""Names of spans and attributes: public API, each spelled once. OpenTelemetry's messaging conventions are still in development."""

REDACTED = "[redacted]"

# HTTP
URL_PATH = "url.path"
URL_QUERY = "url.query"
