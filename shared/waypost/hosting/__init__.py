"""The composition root: builds the processes of a service from its declaration."""
