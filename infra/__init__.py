"""The stack that runs the services, its databases and topics, and simulators of external
systems.
"""
