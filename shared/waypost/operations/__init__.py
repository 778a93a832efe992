"""An operator's operations on one service, called by the `waypost` command and by the routes under
`/ops`.
"""
