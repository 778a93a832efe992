"""What happens after a handler's error: classed once, tried again in the key's order, and kept when
the tries are used up.
"""

from waypost.engine.retry.failure import RETRYABLE, ends_a_wait, failure_of
from waypost.engine.retry.policy import RetryPolicy

__all__ = ["RETRYABLE", "RetryPolicy", "ends_a_wait", "failure_of"]
