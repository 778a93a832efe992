"""Configuration of the servers, equal for native processes and containers."""
