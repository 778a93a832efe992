"""What an operator asks of a service and does to it. The command and the operator routes are two
doors to the same acts.
"""
