"""Dead letters and parked keys of a consumer: storing failed records and retrying them in order."""
