"""The inbox of what web hooks name: bounded, each thing once, and nothing lost that was taken."""

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import Transient
from connectors.shopify.hooks import LEVELS, PRODUCTS, Hint
from tasks.inbox import EVENTS, REMEMBERED, Events, Inbox, Taken, Worker


def item(number: int) -> Hint:
    return Hint("item", number)


class Hands:
    """Looks, and remembers at what; fails the first times it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.looked: list[list[Hint]] = []
        self.failures = failures
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.has_begun = threading.Event()
        self.has_looked = threading.Event()

    def __call__(self, found: Sequence[Hint]) -> None:
        self.has_begun.set()
        assert self.may_go_on.wait(20)
        if self.failures:
            self.failures -= 1
            raise Transient("the store is away")
        self.looked.append(list(found))
        self.has_looked.set()


def test_a_thing_is_taken_once_and_an_event_known_again() -> None:
    inbox = Inbox(10)
    assert inbox.put(item(1), LEVELS, "e1") is Taken.QUEUED
    assert inbox.put(item(1), LEVELS, "e1") is Taken.REPEATED
    assert inbox.put(item(1), LEVELS, "e2") is Taken.QUEUED
    assert inbox.put(Hint("product", 1), PRODUCTS, "e1") is Taken.QUEUED
    assert inbox.take(0) == [item(1), Hint("product", 1)]
    assert inbox.put(item(1), LEVELS, "e2") is Taken.REPEATED
    assert inbox.put(item(1), LEVELS, "e3") is Taken.QUEUED


def test_an_event_speaks_for_nothing_but_what_it_named() -> None:
    inbox = Inbox(10)
    inbox.put(item(1), LEVELS, "e1")
    assert inbox.put(item(2), LEVELS, "e1") is Taken.QUEUED


def test_without_an_event_nothing_is_a_repetition() -> None:
    inbox = Inbox(10)
    assert [inbox.put(item(1), LEVELS, "") for _ in range(2)] == [Taken.QUEUED] * 2


def test_a_full_inbox_takes_only_what_waits_already() -> None:
    inbox = Inbox(2)
    assert [inbox.put(item(n), LEVELS, f"e{n}") for n in (1, 2, 3)] == [
        Taken.QUEUED,
        Taken.QUEUED,
        Taken.FULL,
    ]
    assert inbox.put(item(2), LEVELS, "again") is Taken.QUEUED
    inbox.take(0)
    assert inbox.put(item(3), LEVELS, "e3") is Taken.QUEUED


def test_a_closed_inbox_takes_nothing_but_gives_what_it_has() -> None:
    inbox = Inbox(2)
    inbox.put(item(1), LEVELS, "e1")
    inbox.close()
    assert inbox.put(item(1), LEVELS, "e2") is Taken.FULL
    assert inbox.take(60) == [item(1)]
    assert inbox.take(60) == []


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=60))
def test_events_are_forgotten_by_number_and_by_time(steps: list[tuple[int, int]]) -> None:
    events, now, seen = Events(most=4, seconds=10), 0.0, dict[tuple[object, ...], float]()
    for name, pause in steps:
        now += pause
        event = (name,)
        if events.knows(event, now):
            assert now - seen[event] < 10
        else:
            events.add(event, now)
            seen[event] = now
        assert len(events) <= 4


def test_what_is_remembered_is_bounded() -> None:
    inbox = Inbox(10 * EVENTS)
    for number in range(EVENTS + 10):
        inbox.put(item(1), LEVELS, f"e{number}")
    assert len(inbox._events) == EVENTS
    assert REMEMBERED > 4 * 3600


# ------------------------------------------------------------------- worker


def test_what_comes_together_is_looked_at_together() -> None:
    inbox, hands = Inbox(1000), Hands()
    for number in range(1, 301):
        inbox.put(item(number), LEVELS, f"e{number}")
    worker = Worker(inbox, hands, gather=0)
    worker.start()
    assert worker.finish(20)
    assert [len(each) for each in hands.looked] == [250, 50]
    assert [each.id for part in hands.looked for each in part] == list(range(1, 301))


def test_what_changes_during_a_look_is_looked_at_again() -> None:
    inbox, hands = Inbox(10), Hands()
    hands.may_go_on.clear()
    worker = Worker(inbox, hands, gather=0)
    worker.start()
    inbox.put(item(1), LEVELS, "e1")
    assert hands.has_begun.wait(20)
    assert inbox.put(item(1), LEVELS, "e2") is Taken.QUEUED
    hands.may_go_on.set()
    assert worker.finish(20)
    assert hands.looked == [[item(1)], [item(1)]]


def test_a_failed_look_is_made_again() -> None:
    inbox, hands = Inbox(10), Hands(failures=2)
    worker = Worker(inbox, hands, gather=0, patience=(0.01, 0.01, 0.01))
    worker.start()
    inbox.put(item(1), LEVELS, "e1")
    assert hands.has_looked.wait(20)
    assert worker.finish(20)
    assert worker.left == []


def test_what_cannot_be_looked_at_is_told_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    inbox, hands = Inbox(10), Hands(failures=100)
    worker = Worker(inbox, hands, gather=0)
    inbox.put(item(1), LEVELS, "e1")
    worker.start()
    assert not worker.finish(20)
    assert worker.left == [item(1)]
    assert "were not looked at" in caplog.text


def test_a_look_that_hangs_is_told_and_holds_up_nobody() -> None:
    inbox, hands = Inbox(10), Hands()
    hands.may_go_on.clear()
    worker = Worker(inbox, hands, gather=0)
    worker.start()
    inbox.put(item(1), LEVELS, "e1")
    assert hands.has_begun.wait(20)
    inbox.put(item(2), LEVELS, "e2")
    assert not worker.finish(0.01)
    assert worker.unfinished() == 2
    hands.may_go_on.set()
    assert worker.finish(20)


def test_a_look_that_breaks_ends_no_worker() -> None:
    inbox, again = Inbox(10), threading.Event()
    seen: list[int] = []

    def look(found: Sequence[Hint]) -> None:
        seen.append(len(found))
        if len(seen) == 1:
            raise ZeroDivisionError
        again.set()

    worker = Worker(inbox, look, gather=0, patience=(0.01,))
    worker.start()
    inbox.put(item(1), LEVELS, "e1")
    assert again.wait(20)
    assert worker.finish(20)
    assert seen == [1, 1]
