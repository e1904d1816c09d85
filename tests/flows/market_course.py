"""What the net does with the marketplaces, in one thread and without Prefect: always the same."""

from connectors.market import MARKETPLACES
from connectors.records import JsonObject
from connectors.settings import load_settings
from tasks import market_round
from tasks.desk import ledger_of
from tasks.market_round import Part, Place, level, sell


def net(*, compare: bool = False) -> JsonObject:
    """Book orders on both marketplaces, then bring level what is behind; how every listing ended."""
    market_round.WIDTH = 1
    settings = load_settings()
    ledger = ledger_of(settings)
    places = [Place("default", name) for name in MARKETPLACES]
    parts = [sell(settings, ledger, place, thorough=compare) for place in places]
    parts += [level(settings, ledger, place, None, compares=compare) for place in places]
    return {
        "troubles": [part.trouble for part in parts if part.trouble],
        "drift": [str(each) for part in parts for each in part.drift],
        "ended": _ended(parts),
    }


def _ended(parts: list[Part]) -> JsonObject:
    return {
        f"{each.key.item_id} {each.key.marketplace}": f"{each.how} {each.reason}".strip()
        for part in parts
        for each in part.ended
    }
