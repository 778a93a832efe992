"""The frame of `make bench`: rows, rounds, statistics, results and documents. It knows no row."""
