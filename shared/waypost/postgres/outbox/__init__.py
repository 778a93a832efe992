"""The outbox: the writer in the business transaction, and the relay's lease with its floor."""
