"""The word list that keeps code and documents in plain technical English."""
