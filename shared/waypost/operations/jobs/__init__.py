"""What an operator does with background work: looks, sends again, takes away, starts by hand."""
