"""Configuration of the servers, the same as a process of this machine and in a container."""
