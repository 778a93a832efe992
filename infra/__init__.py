"""What the services stand on: the stack that runs them, its databases and topics, and stand-ins for
the outside world.
"""
