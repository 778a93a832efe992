"""Operations on the outbox: its state, and the release of a quarantined key."""
