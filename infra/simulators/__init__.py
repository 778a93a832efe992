"""Stand-ins for the outside world that keep the outside world's rules: a payment provider and a
mail server.
"""
