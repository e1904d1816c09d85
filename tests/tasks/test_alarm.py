"""When people are told, and when they are left alone."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from connectors.ledger import Alert, Severity
from tasks import alarm
from tasks.alarm import INTERVALS, Cause, Word
from tests.connectors.ledger_samples import HOUR, NOW

BROKEN = Cause("sync:own:failed", "Failed: sync\n\nRMS is away")
MINUTE = timedelta(minutes=1)


def after_first(cause: Cause = BROKEN) -> Alert:
    alert, word = alarm.seen(None, "own", cause, NOW)
    assert word is Word.FIRST
    return alert


def words(cause: Cause, hours: list[float]) -> list[Word]:
    """What is told of a cause that is seen at these hours."""
    alert, told = None, []
    for hour in hours:
        alert, word = alarm.seen(alert, "own", cause, NOW + hour * HOUR)
        told.append(word)
    return told


def test_a_new_cause_is_told_once_with_all_there_is_to_know() -> None:
    alert = after_first()

    assert (alert.account, alert.cause, alert.severity) == ("own", BROKEN.key, Severity.CRITICAL)
    assert (alert.first_seen_at, alert.told_count, alert.next_tell_at) == (NOW, 1, NOW + HOUR)
    assert alarm.notice(alert, Word.FIRST).subject == "Failed: sync"
    assert "RMS is away" in alarm.notice(alert, Word.FIRST).text


def test_a_cause_that_goes_on_is_told_again_after_growing_intervals() -> None:
    hours = [0, 0.5, 1, 2, 4.9, 5, 16, 17, 40, 41, 65]
    still = [hour for hour, word in zip(hours, words(BROKEN, hours), strict=True) if word is Word.STILL]

    assert still == [1, 5, 17, 41, 65]


def test_a_cause_that_is_over_is_told_well_again_once() -> None:
    well, word = alarm.gone(after_first(), NOW + 3 * HOUR)
    assert word is Word.WELL
    assert (well.resolved_at, well.next_tell_at) == (NOW + 3 * HOUR, None)
    notice = alarm.notice(well, word)
    assert notice.subject == "Well again: Failed: sync"
    assert "from 2026-11-21 15:30 UTC to 2026-11-21 18:30 UTC" in notice.text

    assert alarm.gone(well, NOW + 4 * HOUR) == (well, Word.NOTHING)


def test_a_cause_that_comes_back_begins_anew_but_keeps_what_nobody_got_yet() -> None:
    well, _ = alarm.gone(after_first(), NOW + HOUR)
    waiting = replace(well, undelivered=[{"to": "mail", "subject": "a", "text": "b"}])

    again, word = alarm.seen(waiting, "own", BROKEN, NOW + 2 * HOUR)
    assert word is Word.FIRST
    assert (again.first_seen_at, again.told_count, again.resolved_at) == (NOW + 2 * HOUR, 1, None)
    assert again.undelivered == waiting.undelivered


def test_something_new_of_the_same_kind_is_told_at_once() -> None:
    alert = after_first(replace(BROKEN, subjects=["a", "b"]))

    fewer, word = alarm.seen(alert, "own", replace(BROKEN, subjects=["b"]), NOW + MINUTE)
    assert word is Word.NOTHING
    more, word = alarm.seen(fewer, "own", replace(BROKEN, subjects=["b", "c"]), NOW + MINUTE)
    assert word is Word.MORE
    assert more.told_count == 2
    assert alarm.seen(more, "own", replace(BROKEN, subjects=["b", "c"]), NOW + 2 * MINUTE)[1] is Word.NOTHING


def test_what_may_come_right_by_itself_is_told_later_or_never() -> None:
    late = replace(BROKEN, not_before=NOW + 2 * HOUR)
    waiting, word = alarm.seen(None, "own", late, NOW)
    assert (word, waiting.told_count) == (Word.NOTHING, 0)

    # It says so anew each time; the first time counts.
    later = replace(BROKEN, not_before=NOW + 3 * HOUR)
    assert alarm.seen(waiting, "own", later, NOW + HOUR)[1] is Word.NOTHING
    assert alarm.seen(waiting, "own", later, NOW + 2 * HOUR)[1] is Word.FIRST
    assert alarm.gone(waiting, NOW + HOUR)[1] is Word.NOTHING


# -------------------------------------------------------------- properties

Steps = list[tuple[int, bool]]
steps: st.SearchStrategy[Steps] = st.lists(
    st.tuples(st.integers(0, 3 * 24 * 60), st.booleans()), min_size=1, max_size=60
)


def told(history: Steps) -> list[tuple[int, Word, bool]]:
    """Minute, word and truth for each look at a cause that is there, or is not."""
    alert: Alert | None = None
    minute, found = 0, []
    for pause, is_there in history:
        minute += pause
        now, word = NOW + minute * MINUTE, Word.NOTHING
        if is_there:
            alert, word = alarm.seen(alert, "own", BROKEN, now)
        elif alert is not None:
            alert, word = alarm.gone(alert, now)
        found.append((minute, word, is_there))
    return found


@given(steps)
def test_what_people_believe_is_always_true(history: Steps) -> None:
    believed = False
    for _, word, is_there in told(history):
        if word is Word.FIRST:
            assert not believed
            believed = True
        elif word is Word.WELL:
            assert believed
            believed = False
        elif word is Word.STILL:
            assert believed
        assert believed == is_there


@given(steps)
def test_nobody_is_told_more_often_than_the_intervals_allow(history: Steps) -> None:
    count, last = 0, 0
    for minute, word, _ in told(history):
        if word is Word.FIRST:
            count, last = 1, minute
        elif word is Word.STILL:
            assert minute - last >= INTERVALS[min(count, len(INTERVALS)) - 1] / MINUTE
            count, last = count + 1, minute


@given(steps)
def test_whatever_goes_on_is_told_at_least_once_a_day_when_looked_at(history: Steps) -> None:
    last = 0
    for minute, word, is_there in told(history):
        if word is not Word.NOTHING:
            last = minute
        assert not is_there or minute - last < 24 * 60
