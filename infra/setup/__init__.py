"""Everything a fresh machine needs before the first command. Standard library only: it runs before
anything is installed.
"""
