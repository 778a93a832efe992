"""Turns a service's declaration into its processes: the composition root that the three services
share.
"""
