"""The peers of the benchmarks: the same work by bare libraries, or by another tool."""
