"""The whole system on this machine, without containers: a supervisor and what it runs, and the
commands of the Makefile.
"""
