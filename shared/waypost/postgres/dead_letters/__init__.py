"""Dead letters of one service: the consumer's store, the operator's search and the selection of a
redrive.
"""
