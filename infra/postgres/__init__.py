"""The databases of the services: roles, their settings, and who may connect."""
