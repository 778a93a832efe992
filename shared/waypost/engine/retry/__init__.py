"""The facts of a handler's error and the policy of its retries."""

from waypost.engine.retry.failure import RETRYABLE, ends_a_wait, failure_of
from waypost.engine.retry.policy import RetryPolicy

__all__ = ["RETRYABLE", "RetryPolicy", "ends_a_wait", "failure_of"]
