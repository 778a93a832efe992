"""Waypost's background jobs in the public harness hardbyte/postgresql-job-queue-benchmarking, with
its chaos cells, on a native PostgreSQL in place of Docker. The harness is a checkout of the user;
nothing of it is copied or fetched.
"""
