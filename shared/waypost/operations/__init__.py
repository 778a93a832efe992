"""Operations of an operator on one service. The `waypost` command and the /ops routes both call
them.
"""
