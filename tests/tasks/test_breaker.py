from datetime import timedelta

from connectors.ledger.market_records import Breaker
from tasks.breaker import entered, failed, lets_in, succeeded
from tests.worlds import NOW

MINUTE = timedelta(minutes=1)
NEW = Breaker("default", "bricklink")


def failing(times: int) -> Breaker:
    breaker = NEW
    for _ in range(times):
        breaker = failed(breaker, "503", NOW)
    return breaker


def test_opens_at_once_when_the_account_is_turned_away() -> None:
    breaker = failed(NEW, "key refused", NOW, at_once=True)
    assert (breaker.state, breaker.reason) == ("open", "key refused")


def test_opens_after_five_failures_in_a_row() -> None:
    assert failing(4).state == "closed"
    assert failing(5).state == "open"


def test_a_success_between_begins_anew() -> None:
    breaker = failed(succeeded(failing(4)), "503", NOW)
    assert (breaker.state, breaker.failures) == ("closed", 1)


def test_lets_nothing_through_for_a_minute() -> None:
    assert not lets_in(failing(5), NOW + MINUTE - timedelta(seconds=1))
    assert entered(failing(5), NOW) == failing(5)


def test_lets_one_try_afterwards() -> None:
    assert lets_in(failing(5), NOW + MINUTE)
    assert not lets_in(entered(failing(5), NOW + MINUTE), NOW + MINUTE)


def test_closes_when_the_try_went_well() -> None:
    assert succeeded(entered(failing(5), NOW + MINUTE)) == NEW


def test_opens_again_when_it_did_not() -> None:
    again = failed(entered(failing(5), NOW + MINUTE), "503", NOW + MINUTE)
    assert (again.state, again.opened_at, again.next_try_at) == ("open", NOW, NOW + 2 * MINUTE)


def test_another_may_try_when_the_first_never_came_back() -> None:
    assert lets_in(entered(failing(5), NOW + MINUTE), NOW + 2 * MINUTE)
