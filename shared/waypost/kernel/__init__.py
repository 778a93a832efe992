"""Types and functions that every package uses. No I/O, standard library only."""
