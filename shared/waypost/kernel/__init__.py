"""Words of the whole house. No I/O, standard library only."""
