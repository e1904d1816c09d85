from datetime import timedelta

from tasks.retrying import is_parked, next_attempt_at
from tests.worlds import NOW


def test_pauses_grow_and_then_stay() -> None:
    waits = [next_attempt_at(failures, NOW) - NOW for failures in range(8)]
    assert waits == sorted(waits)
    assert waits[1] == timedelta(minutes=1)
    assert waits[-1] == waits[-2]


def test_the_same_error_three_times_waits_for_a_person() -> None:
    assert [is_parked(times) for times in (1, 2, 3, 4)] == [False, False, True, True]
