"""Dead letters of one service: the store of a consumer, the search of an operator, the selection of
a redrive.
"""
