"""Installs the requirements of the first command on a fresh machine. Standard library only: it runs
before anything is installed.
"""
