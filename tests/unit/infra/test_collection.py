"""Collection runs without garbage collections; the tests run with them."""

import gc


def test_garbage_is_collected_during_tests_and_collected_objects_are_not_visited_again() -> None:
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
