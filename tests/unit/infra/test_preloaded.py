"""The imports of the fork server."""

import gc

from waypost.devstack.preloaded import import_each


def test_a_module_that_fails_is_skipped_and_garbage_is_collected_afterwards() -> None:
    import_each(["waypost.absent"])
    assert gc.isenabled()
