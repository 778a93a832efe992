"""The outbox: the writer of the business transaction, and the lease of the relay with its floor."""
