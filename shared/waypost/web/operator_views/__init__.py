"""Bodies of the operator routes, which the commands print with `--json` as well. A command loads
these modules, and none of the routes.
"""
