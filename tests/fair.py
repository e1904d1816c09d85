"""Both marketplaces in process, with a ledger: what an account has there, what buyers do, what pushes do.

The stand-ins' clock is everybody's clock here, so that waiting is moving it on.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import httpx
from pydantic import SecretStr

from connectors import brickowl
from connectors.bricklink import BrickLink, Keys, Signer, judging
from connectors.brickowl import BrickOwl
from connectors.errors import ConnectorError
from connectors.http import Http, Patience, Unpaced
from connectors.ledger import Ledger
from connectors.ledger.market_records import Item, ListingKey, View
from connectors.market import MARKETPLACES, Market, Marketplace, marker, spending
from connectors.records import JsonObject
from connectors.settings import Settings, load_settings
from sandbox.app import Sandbox
from tasks import booking, market_accounts, market_run
from tasks.immediate import Told, push_everywhere
from tasks.item_changes import ItemRequest, change_item
from tasks.market_connect import LedgerBudget
from tasks.market_report import Tale
from tasks.market_round import Place, level, sell
from tasks.push import Ended, bring_level
from tasks.stall import Stall
from tests.worlds import NOW, World

BRICKLINK: Marketplace = "bricklink"
BRICKOWL: Marketplace = "brickowl"
KEYS = Keys(
    *(SecretStr(f"default-{name}") for name in ("consumer-key", "consumer-secret", "token", "token-secret"))
)
OWL_KEY = SecretStr("default-key")
BRICK: JsonObject = {
    "partNumber": "3001",
    "colorId": 5,
    "condition": "new",
    "name": "Brick 2 x 4",
    "price": "0.10",
}
BOIDS = [{"boid": "771344", "type": "Part", "bl_item_no": "3001"}]
BOID = "771344-38"


@dataclass
class Fair:
    """A seller's two stores, and the seller's ledger."""

    sandbox: Sandbox
    ledger: Ledger
    settings: Settings
    slept: list[float] = field(default_factory=list)
    markets: dict[str, Market] = field(default_factory=dict)
    writes_off: bool = False

    def now(self) -> datetime:
        """The time that everybody goes by."""
        return self.sandbox.clock.now()

    def stall(self, name: Marketplace) -> Stall:
        """One of the stores, as a push works on it."""
        if name not in self.markets:
            self.markets[name] = _bricklink(self) if name == BRICKLINK else _brickowl(self)
        return Stall(self.settings, self.ledger, self.markets[name], self.now, self.slept.append)

    # ------------------------------------------------------------------ the seller

    def change(self, change_type: str, item_id: str | None = None, **data: Any) -> str:  # noqa: ANN401
        """Create, update or delete an item; its id."""
        request = ItemRequest(change_type, item_id, cast("JsonObject", data), at=self.now())
        return str(change_item(self.settings, self.ledger, request)["item_id"])

    def create(self, quantity: int = 10, **data: Any) -> str:  # noqa: ANN401
        """A new item, listed where the account takes part; its id."""
        return self.change("create", **{**BRICK, "quantityAvailable": quantity, **data})

    def update(self, item_id: str, quantity: int, **data: object) -> None:
        """Give an item another quantity."""
        self.change("update", item_id, quantityAvailable=quantity, **data)

    # ------------------------------------------------------------------- the work

    def push(self, item_id: str, *names: Marketplace) -> list[Ended]:
        """Bring an item level on these marketplaces, on both if none is named."""
        return [
            bring_level(self.stall(name), ListingKey("default", item_id, name), "test")
            for name in names or MARKETPLACES
        ]

    def book(self) -> None:
        """Book the orders of both, and look whether something came back."""
        for name in MARKETPLACES:
            # As in the net: what goes wrong here is tried again with the next run.
            with suppress(ConnectorError):
                booking.book(self.stall(name))
                booking.take_back(self.stall(name))

    def settle(self, rounds: int = 8) -> None:
        """What the net does until nothing is behind: orders first, then everything that is due."""
        for _ in range(rounds):
            self.book()
            behind = self.ledger.behind(self.now())
            if not behind and not self.ledger.open_writes():
                return
            for key in behind:
                bring_level(self.stall(cast("Marketplace", key.marketplace)), key, "net")
            self.pass_time(300)

    def pass_time(self, seconds: float) -> None:
        """Let time pass for everybody."""
        self.sandbox.clock.advance(seconds)

    # -------------------------------------------------------------------- the world

    def sell(self, name: Marketplace, lot_id: object, quantity: int) -> dict[str, Any]:
        """Somebody buys."""
        return self.event(name, "sale", lot=int(str(lot_id)), quantity=quantity)

    def event(self, name: Marketplace, kind: str, **more: object) -> dict[str, Any]:
        """Something happens on a marketplace."""
        return dict(self.sandbox.event({"system": name, "kind": kind, **more}))

    def fault(self, name: Marketplace, operation: str, kind: str, **more: object) -> None:
        """Order one fault."""
        self.sandbox.faults([{"system": name, "operation": operation, "kind": kind, **more}])

    def lots(self, name: Marketplace) -> list[World]:
        """The lots that a marketplace holds now."""
        return list(self.sandbox.world()[name]["default"]["lots"])

    def quantities(self, name: Marketplace) -> list[int]:
        """How many units each lot shows."""
        return [each["quantity" if name == BRICKLINK else "qty"] for each in self.lots(name)]

    def calls(self, name: Marketplace) -> list[str]:
        """What a marketplace was asked since the journal began."""
        return [str(each["operation"]) for each in self.sandbox.calls() if each["system"] == name]

    # ------------------------------------------------------------------ the ledger

    def item(self, item_id: str) -> Item:
        """An item as the ledger has it."""
        found = self.ledger.item("default", item_id)
        assert found
        return found

    def view(self, item_id: str, name: Marketplace = BRICKLINK) -> View:
        """How a listing stands."""
        found = self.ledger.view(ListingKey("default", item_id, name))
        assert found
        return found

    def lot_id(self, item_id: str, name: Marketplace = BRICKLINK) -> str:
        """The lot that a listing has."""
        found = self.view(item_id, name).listing.lot_id
        assert found
        return found

    def assert_level(self, item_id: str) -> None:
        """The item and both of its lots say the same, and the ledger believes it."""
        for name in MARKETPLACES:
            self.assert_level_on(item_id, name)

    def assert_level_on(self, item_id: str, name: Marketplace) -> None:
        """The item and one of its lots say the same, and the ledger believes it."""
        available, listing = self.item(item_id).offered, self.view(item_id, name).listing
        assert listing.status == "synced", (name, listing)
        assert self.shown(name, item_id) == ([available] if listing.lot_id else []), name
        assert listing.lot_id or not available

    def shown(self, name: Marketplace, item_id: str) -> list[int]:
        """Units of all lots that carry the item's marker."""
        mark, quantity = marker(item_id), "quantity" if name == BRICKLINK else "qty"
        field_ = "remarks" if name == BRICKLINK else "external_id"
        return [int(each[quantity]) for each in self.lots(name) if mark in str(each.get(field_))]


def _bricklink(fair: Fair) -> BrickLink:
    signer = Signer(KEYS, now=fair.now)
    budget = LedgerBudget(fair.ledger, "default", BRICKLINK, fair.now)
    http = Http(
        "http://127.0.0.1/bricklink/api/store/v1",
        system=BRICKLINK,
        account="default",
        sign=signer,
        judge=judging(signer.clock.follow),
        spend=spending(budget),
        patience=Patience(attempts=1),
        pacer=Unpaced(),
        writes_off=fair.writes_off,
        client=_client(fair),
        sleep=fair.slept.append,
    )
    return BrickLink(http)


def _brickowl(fair: Fair) -> BrickOwl:
    http = Http(
        "http://127.0.0.1/brickowl/v1",
        system=BRICKOWL,
        account="default",
        judge=brickowl.judge,
        patience=Patience(attempts=1),
        pacer=Unpaced(),
        writes_off=fair.writes_off,
        client=_client(fair),
        sleep=fair.slept.append,
    )
    return BrickOwl(http, OWL_KEY)


def _client(fair: Fair) -> httpx.Client:
    return httpx.Client(transport=httpx.WSGITransport(app=fair.sandbox))


def environment(url: str = "http://127.0.0.1") -> dict[str, str]:
    """The settings of an account that is on both marketplaces."""
    names = ("CONSUMER_KEY", "CONSUMER_SECRET", "TOKEN", "TOKEN_SECRET")
    keys = {f"BRICKLINK_{name}": f"default-{name.lower().replace('_', '-')}" for name in names}
    return {
        **keys,
        "BRICKLINK_BASE_URL": f"{url}/bricklink/api/store/v1",
        "BRICKOWL_API_KEY": OWL_KEY.get_secret_value(),
        "BRICKOWL_BASE_URL": f"{url}/brickowl/v1",
        "EVENSTOCK_NOW": NOW.isoformat(),
        "HTTP_BASE_DELAY": "1",
    }


def world(bricklink: World | None = None, brickowl: World | None = None) -> World:
    """A world with an account on both marketplaces."""
    return {
        "bricklink": {"default": bricklink or {}},
        "brickowl": {"default": {"key": OWL_KEY.get_secret_value(), "boids": BOIDS} | (brickowl or {})},
    }


PLACES = [Place("default", each) for each in MARKETPLACES]


@dataclass
class Served(Fair):
    """A fair on a port, so that whatever opens a market by itself finds it."""

    def net(self, *, compares: bool = False, items: list[str] | None = None) -> JsonObject:
        """A run of the net as its flow does it; the report."""
        settings = load_settings()
        tale = Tale("run", self.now(), dry_run=False, writes=settings.evenstock_writes)
        market_accounts.list_items(settings, self.ledger, "default")
        enabled = market_accounts.enabled_markets(settings, self.ledger, "default")
        places = [Place("default", each) for each in enabled]
        tale.parts += [sell(settings, self.ledger, place, thorough=compares) for place in places]
        tale.parts += [level(settings, self.ledger, place, items, compares=compares) for place in places]
        return market_run.told(self.ledger, tale, ["default"], self.now())

    def push_now(self, item: str) -> dict[str, str]:
        """What a worker does when it is told of an item."""
        ended = push_everywhere(load_settings(), self.ledger, "default", item, Told())
        return {each.key.marketplace: each.how.value for each in ended}
