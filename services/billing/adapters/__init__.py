"""The payment provider over HTTP, and its signed webhooks."""
