"""Background jobs in the service's database: enqueued in the business transaction, run by a
separate process.
"""
