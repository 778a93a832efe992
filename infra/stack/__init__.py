"""The whole system on this machine, without containers: a supervisor, its components, and the
commands of the Makefile.
"""
