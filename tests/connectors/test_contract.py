"""What holds for every connector that speaks HTTP: one suite, a row of the table for each.

A row says how to list everything and how to write once; the stand-in gives the troubles.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from connectors.aliexpress import calls as to_aliexpress
from connectors.aliexpress import lists as from_aliexpress
from connectors.aliexpress.gate import Gate as AliGate
from connectors.aliexpress.signing import Signer as AliSigner
from connectors.bigbuy import calls as to_bigbuy
from connectors.bigbuy import readers as from_bigbuy
from connectors.bigbuy.gate import Gate
from connectors.bricklink import BrickLink, Keys, Signer, judging
from connectors.brickowl import BrickOwl
from connectors.brickowl import judge as judge_owl
from connectors.errors import (
    ConnectorError,
    Malformed,
    Refused,
    Transient,
    Unauthorised,
    UnknownOutcome,
    WindowClosed,
)
from connectors.http import Http, Patience
from connectors.market import Change, Lot
from connectors.records import Row
from connectors.shopify import Shopify, check_version
from connectors.shopify.tokens import FixedToken
from connectors.supplier import NoWindows
from sandbox.app import Sandbox
from tests.worlds import LOCATION, OWN, World, product, variant, world

SECRET = "shpat_c0ffee0123456789c0ffee0123456789"
NAMES = ["plain", "LÉGO-🧱", "日本 ½", "e\u0301", 'a"b\\c', "it's"]
MORE = 300
"""Things beyond one page of any of the systems."""


def _world(names: Sequence[str]) -> World:
    products = [product(n, "24X", variant(n, name, 5)) for n, name in enumerate(names, 1)]
    return world(products, [], token=SECRET)


def _shopify_list(http: Http) -> list[str | None]:
    return [sku for _, sku in Shopify(http, location=LOCATION, version="2026-10").skus(None)]


def _shopify_write(http: Http) -> None:
    shop = Shopify(http, location=LOCATION, version="2026-10")
    shop.set_quantities([Row(50_001, 5, 3)], name="available", reference="evenstock://run/1", key="key-1")


def _shopify_manners() -> dict[str, Any]:
    return {"headers": FixedToken(SECRET).headers, "check": check_version("2026-10")}


def _bricklink_world(names: Sequence[str]) -> World:
    lots = [
        {
            "inventory_id": number,
            "item": {"no": "3001", "type": "PART"},
            "color_id": 5,
            "quantity": 5,
            "new_or_used": "N",
            "unit_price": "0.1000",
            "description": name,
        }
        for number, name in enumerate(names, 1)
    ]
    keys = dict.fromkeys(("consumer_key", "consumer_secret", "token", "token_secret"), SECRET)
    items = [{"no": "3001", "type": "PART"}]
    return {"bricklink": {"default": {**keys, "items": items, "lots": lots}}}


def _bricklink_manners() -> dict[str, Any]:
    signer = Signer(Keys(*[SecretStr(SECRET)] * 4))
    return {"sign": signer, "judge": judging(signer.clock.follow)}


def _bricklink_list(http: Http) -> list[str | None]:
    lots = sorted(BrickLink(http).lots(), key=lambda lot: int(lot.lot_id))
    return [lot.public_text for lot in lots]


def _bricklink_write(http: Http) -> None:
    seen = Lot("1", "PART/3001/5/N/-", None, 5, Decimal("0.1"), None, "", NAMES[0], on_sale=True)
    BrickLink(http).change("1", Change(-2), seen)


def _brickowl_world(names: Sequence[str]) -> World:
    lots = [
        {"lot_id": number, "boid": "771344-38", "qty": 5, "public_note": name}
        for number, name in enumerate(names, 1)
    ]
    return {"brickowl": {"default": {"key": SECRET, "lots": lots}}}


def _brickowl_list(http: Http) -> list[str | None]:
    return [lot.public_text for lot in BrickOwl(http, SecretStr(SECRET)).lots()]


def _brickowl_write(http: Http) -> None:
    BrickOwl(http, SecretStr(SECRET)).change("1", Change(-2))


def _bigbuy_world(names: Sequence[str]) -> World:
    attributes = [{"id": number, "name": name} for number, name in enumerate(names, 1)]
    return {"bigbuy": {"default": {"key": SECRET, "attributes": attributes}}}


def _bigbuy_manners() -> dict[str, Any]:
    gate = Gate(NoWindows(), lambda _: None)
    headers = {"authorization": f"Bearer {SECRET}"}
    return {"headers": lambda: headers, "spend": gate.spend, "judge": gate.judge}


def _bigbuy_list(http: Http) -> list[str | None]:
    found = from_bigbuy.named(http.send(to_bigbuy.attributes("es")).body, "attributes")
    return [found[number] for number in sorted(found, key=int)]


def _aliexpress_world(names: Sequence[str]) -> World:
    categories = [{"category_id": number, "category_name": name} for number, name in enumerate(names, 1)]
    nothing = [{"category_id": 0, "category_name": NOTHING}]
    account = {"app_key": "501234", "app_secret": SECRET, "session": SECRET, "calls_per_second": 1000}
    return {"aliexpress": {"default": account | {"categories": categories or nothing}}}


NOTHING = "(a list of categories is never empty)"


def _aliexpress_manners() -> dict[str, Any]:
    signer = AliSigner("501234", SECRET, token=lambda: SECRET, now=lambda: datetime.now(UTC))
    gate = AliGate(NoWindows(), lambda _: None, 1000, signer.clock.follow)
    return {"prepare": signer, "spend": gate.spend, "judge": gate.judge}


def _aliexpress_list(http: Http) -> list[str | None]:
    found = from_aliexpress.categories(http.send(to_aliexpress.categories()).body)
    return [found[number] for number in sorted(found, key=int) if found[number] != NOTHING]


@dataclass(frozen=True, slots=True)
class Connector:
    """How one system is spoken to here. `world` makes one thing of each name.

    `manners`: what its `Http` needs. `pages`: long lists come in pieces. `says_when`: a call that was too
    much is told when to come again; `hourly`: it is told a time so far off that the work is put back.
    """

    system: str
    account: str
    path: str
    manners: Callable[[], Mapping[str, Any]]
    reading: str
    writing: str | None
    world: Callable[[Sequence[str]], World]
    list_all: Callable[[Http], list[str | None]]
    write: Callable[[Http], None] | None
    pages: bool = False
    says_when: bool = False
    hourly: bool = False

    def __str__(self) -> str:
        return self.system


CONNECTORS = [
    Connector(
        system="shopify",
        account=OWN,
        path=f"shopify/{OWN}/admin/api/2026-10/",
        manners=_shopify_manners,
        reading="productVariants",
        writing="inventorySetQuantities",
        world=_world,
        list_all=_shopify_list,
        write=_shopify_write,
        pages=True,
        says_when=True,
    ),
    Connector(
        system="bricklink",
        account="default",
        path="bricklink/api/store/v1",
        manners=_bricklink_manners,
        reading="GET /inventories",
        writing="PUT /inventories/{id}",
        world=_bricklink_world,
        list_all=_bricklink_list,
        write=_bricklink_write,
    ),
    Connector(
        system="brickowl",
        account="default",
        path="brickowl/v1",
        manners=lambda: {"judge": judge_owl},
        reading="GET /inventory/list",
        writing="POST /inventory/update",
        world=_brickowl_world,
        list_all=_brickowl_list,
        write=_brickowl_write,
        says_when=True,
    ),
    Connector(
        system="bigbuy",
        account="default",
        path="bigbuy",
        manners=_bigbuy_manners,
        reading="GET /rest/catalog/attributes.json",
        writing=None,
        world=_bigbuy_world,
        list_all=_bigbuy_list,
        write=None,
        hourly=True,
    ),
    Connector(
        system="aliexpress",
        account="default",
        path="aliexpress",
        manners=_aliexpress_manners,
        reading="aliexpress.ds.category.get",
        writing=None,
        world=_aliexpress_world,
        list_all=_aliexpress_list,
        write=None,
    ),
]


class Bench:
    """One connector on its stand-in; waiting takes no time."""

    def __init__(self, connector: Connector, sandbox: Sandbox) -> None:
        self.connector = connector
        self.sandbox = sandbox
        self.slept: list[float] = []
        self.http = self.connect()

    def connect(self, *, writes_off: bool = False) -> Http:
        row = self.connector
        return Http(
            f"http://127.0.0.1/{row.path}",
            system=row.system,
            account=row.account,
            **row.manners(),
            patience=Patience(attempts=3),
            writes_off=writes_off,
            client=httpx.Client(transport=httpx.WSGITransport(app=self.sandbox)),
            sleep=self.slept.append,
            chance=lambda: 0.0,
        )

    def put(self, names: Sequence[str]) -> None:
        self.sandbox.put_world(self.connector.world(names))
        self.sandbox.clear_calls()

    def fault(self, operation: str, **fault: object) -> None:
        self.sandbox.faults([{"system": self.connector.system, "operation": operation} | fault])

    def list_all(self) -> list[str | None]:
        return self.connector.list_all(self.http)

    def write(self) -> None:
        assert self.connector.write
        self.connector.write(self.http)

    def calls(self) -> int:
        return len(self.sandbox.calls())

    def wrote(self) -> int:
        return len({str(write["time"]) for write in self.sandbox.writes()})


@pytest.fixture(params=CONNECTORS, ids=str)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    yield from _benched(request.param)


def _benched(row: Connector) -> Iterator[Bench]:
    with Sandbox() as sandbox:
        made = Bench(row, sandbox)
        made.put(NAMES)
        yield made


class TestReading:
    def test_goes_on_to_the_last_page(self, bench: Bench) -> None:
        names = [f"n-{n}" for n in range(MORE)]
        bench.put(names)
        assert bench.list_all() == names
        assert (bench.calls() > 1) == bench.connector.pages

    def test_nothing_is_an_answer(self, bench: Bench) -> None:
        bench.put([])
        assert bench.list_all() == []

    def test_keeps_every_spelling(self, bench: Bench) -> None:
        assert bench.list_all() == NAMES

    @pytest.mark.parametrize(
        "trouble",
        [
            {"kind": "http", "status": 503},
            {"kind": "timeout_before"},
            {"kind": "lost_answer"},
            {"kind": "malformed"},
        ],
        ids=lambda trouble: f"{trouble['kind']}-{trouble.get('status', '')}",
    )
    def test_goes_on_after_what_passes(self, bench: Bench, trouble: dict[str, object]) -> None:
        bench.fault(bench.connector.reading, **trouble)
        assert bench.list_all() == NAMES
        assert len(bench.slept) == 1

    @pytest.mark.parametrize(
        "trouble", [{"kind": "http", "status": 429, "seconds": 2.5}, {"kind": "throttled"}], ids=str
    )
    def test_goes_on_or_is_put_back_after_too_many_calls(
        self, bench: Bench, trouble: dict[str, object]
    ) -> None:
        bench.fault(bench.connector.reading, **trouble)
        if bench.connector.hourly:
            with pytest.raises(WindowClosed):
                bench.list_all()
            assert bench.slept == []
        else:
            assert bench.list_all() == NAMES
            assert len(bench.slept) == 1

    def test_waits_as_long_as_it_is_told(self, bench: Bench) -> None:
        bench.fault(bench.connector.reading, kind="http", status=429, seconds=2.5)
        if bench.connector.hourly:
            with pytest.raises(WindowClosed) as closed:
                bench.list_all()
            assert 3590 < (closed.value.retry_after or 0) <= 3601
        else:
            bench.list_all()
            assert bench.slept == [2.5 if bench.connector.says_when else 0.5]

    @pytest.mark.parametrize("status", [400, 404, 422])
    def test_a_refusal_is_not_asked_for_again(self, bench: Bench, status: int) -> None:
        bench.fault(bench.connector.reading, kind="http", status=status, times=-1)
        with pytest.raises(Refused):
            bench.list_all()
        assert bench.calls() == 1

    @pytest.mark.parametrize("status", [401, 403, 423])
    def test_a_shut_door_stays_shut(self, bench: Bench, status: int) -> None:
        bench.fault(bench.connector.reading, kind="http", status=status, times=-1)
        with pytest.raises(Unauthorised):
            bench.list_all()
        assert bench.calls() == 1

    def test_gives_up_in_the_end(self, bench: Bench) -> None:
        bench.fault(bench.connector.reading, kind="http", status=503, times=-1)
        with pytest.raises(Transient):
            bench.list_all()
        assert bench.calls() == 3

    def test_a_body_cut_for_ever_is_malformed(self, bench: Bench) -> None:
        bench.fault(bench.connector.reading, kind="malformed", times=-1)
        with pytest.raises(Malformed):
            bench.list_all()

    def test_a_page_lost_on_the_way_loses_nothing(self, bench: Bench) -> None:
        names = [f"n-{n}" for n in range(MORE)]
        bench.put(names)
        bench.fault(bench.connector.reading, kind="lost_answer", nth=2 if bench.connector.pages else 1)
        assert bench.list_all() == names
        assert len(bench.slept) == 1


class TestWriting:
    @pytest.fixture(params=[row for row in CONNECTORS if row.write], ids=str)
    def bench(self, request: pytest.FixtureRequest) -> Iterator[Bench]:
        yield from _benched(request.param)

    @pytest.mark.parametrize(
        "trouble",
        [{"kind": "lost_answer"}, {"kind": "malformed"}, {"kind": "http_after", "status": 502}],
        ids=lambda trouble: trouble["kind"],
    )
    def test_a_lost_answer_is_an_unknown_outcome(self, bench: Bench, trouble: dict[str, object]) -> None:
        bench.fault(str(bench.connector.writing), **trouble)
        with pytest.raises(UnknownOutcome):
            bench.write()
        assert bench.calls() == 1
        assert bench.wrote() == 1

    def test_one_that_was_surely_not_done_is_sent_again(self, bench: Bench) -> None:
        bench.fault(str(bench.connector.writing), kind="http", status=429)
        bench.write()
        assert bench.calls() == 2
        assert bench.wrote() == 1

    def test_a_refusal_is_not_sent_again(self, bench: Bench) -> None:
        bench.fault(str(bench.connector.writing), kind="http", status=422, times=-1)
        with pytest.raises(Refused):
            bench.write()
        assert bench.calls() == 1
        assert bench.wrote() == 0

    def test_is_sent_only_while_writes_are_on(self, bench: Bench) -> None:
        bench.http = bench.connect(writes_off=True)
        with pytest.raises(Exception, match="EVENSTOCK_WRITES=off"):
            bench.write()
        assert bench.calls() == 0
        assert bench.list_all() == NAMES


class TestEveryTrouble:
    TROUBLES = (
        {"kind": "http", "status": 401},
        {"kind": "http", "status": 404},
        {"kind": "http", "status": 503},
        {"kind": "throttled"},
        {"kind": "lost_answer"},
        {"kind": "malformed"},
    )

    @pytest.mark.parametrize("trouble", TROUBLES, ids=lambda each: f"{each['kind']}-{each.get('status', '')}")
    def test_is_told_in_one_line_that_names_the_call_and_no_secret(
        self, bench: Bench, trouble: dict[str, object], caplog: pytest.LogCaptureFixture
    ) -> None:
        row = bench.connector
        bench.fault("*", times=-1, **trouble)
        acts = ((bench.list_all, row.reading), (bench.write, row.writing))
        for act, operation in acts if row.write else acts[:1]:
            with caplog.at_level(logging.DEBUG), pytest.raises(ConnectorError) as caught:
                act()
            error = caught.value
            assert (error.system, error.account, error.operation) == (row.system, row.account, operation)
            assert str(error).startswith(f"{row.system} {row.account} {operation}: ")
            assert "\n" not in str(error)
            assert SECRET not in f"{error}{error!r}{error.__cause__!r}{bench.http!r}{caplog.text}"
