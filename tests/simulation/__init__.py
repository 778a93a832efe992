"""The engine on memory ports, under a seeded scheduler with virtual time.

`run(seed)` (`schedule`) builds servers and two processes of each kind, lets them work under faults,
waits until everything rests, and checks the promises. The same seed repeats the same steps.
"""
