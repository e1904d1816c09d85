"""Partners' stock reaches the own store: what it then holds, and what was told."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger, open_ledger
from connectors.ledger.records import Partner, ProductMapping
from connectors.settings import load_settings
from flows.partner_sync import partner_sync
from flows.plans import apply_plan
from tasks.desk import ledger_of
from tasks.lease import clock
from tasks.partners import add_with_token
from tests.flows.stage import Stage
from tests.worlds import LOCATION, OWN, World, product, variant, world

pytestmark = pytest.mark.orchestrated

ROAST, BEAN = "roast.example", "bean.example"
KEY = "q83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI0Vng="


def partner_shop(stock: Mapping[int, int], **more: object) -> World:
    """A partner's store: available units by variant id, one product each."""
    products = [
        product(number + 9000, None, variant(number, f"R-{number}", units)) for number, units in stock.items()
    ]
    return {"token": "tok-partner", "locations": [{"id": LOCATION, "name": "Roastery"}], "products": products} | more


class Trade:
    """The own store, its partners and the ledger."""

    def __init__(self, stage: Stage, url: str, ledger: Ledger) -> None:
        self.stage = stage
        self.url = url
        self.ledger = ledger

    def put(self, own: Mapping[int, World], partners: Mapping[str, World]) -> None:
        """The own store has one product for each variant; `own` gives keys of its level."""
        products = [
            product(number + 9000, None, variant(number, f"O-{number}", **level))
            for number, level in own.items()
        ]
        made = world(products, [])
        made["shopify"] |= dict(partners)
        self.stage.put(made)

    def partner(self, name: str, **more: Any) -> Partner:
        """Let a partner in, with the token of its shop."""
        given = Partner(OWN, name, f"{self.url}/shopify/{name}", name.split(".")[0], clock(), **more)
        added, _ = add_with_token(load_settings(), self.ledger, given, SecretStr("tok-partner"))
        return added

    def map(self, partner: Partner, pairs: Mapping[int, int], **more: Any) -> None:
        """Map partner variants to own ones."""
        now = clock()
        self.ledger.store_mappings(
            [ProductMapping(OWN, partner.id or 0, theirs, ours, now, now, **more) for theirs, ours in pairs.items()]
        )

    def run(self, **parameters: object) -> dict[str, Any]:
        """Run the partner sync; its report."""
        return dict(partner_sync(**parameters))  # type: ignore[arg-type]


@pytest.fixture
def trade(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trade]:
    """A stage with a ledger that can keep partners' secrets."""
    monkeypatch.setenv("EVENSTOCK_SECRET_KEY", KEY)
    monkeypatch.setenv("SHOPIFY_LOCATION_ID", str(LOCATION))
    settings = load_settings()
    yield Trade(stage, settings.shopify_base_url.split("/shopify/")[0], ledger_of(settings))


def test_own_levels_follow_the_partners(trade: Trade) -> None:
    trade.put({101: {"available": 7}, 102: {"available": 4}}, {ROAST: partner_shop({501: 12, 502: 4})})
    roast = trade.partner(ROAST)
    trade.map(roast, {501: 101, 502: 102})

    report = trade.run()

    assert trade.stage.levels() == {"O-101": 12, "O-102": 4}
    assert report["success"] is True
    assert (report["partnersProcessed"], report["totalItemsUpdated"]) == (1, 1)
    assert report["balance"]["done"] == 1
    assert report["balance"]["unchanged"] == 1
    (log,) = trade.ledger.sync_logs(OWN)
    assert (log.status, log.items_processed, log.items_updated) == ("completed", 2, 1)
