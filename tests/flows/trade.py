"""The own store, its partners' stores, and what is mapped between them."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from connectors.ledger import Ledger
from connectors.ledger.records import Partner, ProductMapping
from connectors.settings import load_settings
from flows.partner_sync import partner_sync, report_of
from tasks import partner as books
from tasks.lease import clock
from tasks.partner_course import Course
from tasks.partners import add_with_token, consented, question
from tests.flows.stage import Stage
from tests.worlds import LOCATION, OWN, World, product, variant, world

ROAST, BEAN, CUP = "roast.example", "bean.example", "cup.example"
KEY = "q83vEjRWeJASNFZ4kBI0VniQEjRWeJASNFZ4kBI0Vng="
PARTNERS_TOKEN = "tok-partner"


def partner_shop(stock: Mapping[int, object], **more: object) -> World:
    """A partner's store: by variant id its units, or keys of the variant; one product each."""
    products = [
        product(number + 9000, None, _offered(number, content), **_product_keys(content))
        for number, content in stock.items()
    ]
    shop = {
        "token": PARTNERS_TOKEN,
        "locations": [{"id": LOCATION, "name": "Roastery"}],
        "products": products,
    }
    return shop | {"search_lag_seconds": 0} | more


def _offered(number: int, content: object) -> World:
    if not isinstance(content, dict):
        return variant(number, f"R-{number}", content)  # type: ignore[arg-type]
    keys = {key: value for key, value in content.items() if key != "status"}
    return variant(number, f"R-{number}", keys.pop("available", 0), **keys)


def _product_keys(content: object) -> dict[str, object]:
    return {"status": content["status"]} if isinstance(content, dict) and "status" in content else {}


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
        self.put_products(products, partners)

    def put_products(self, products: list[World], partners: Mapping[str, World]) -> None:
        """The own store has these products."""
        made = world(products, [])
        made["shopify"] |= dict(partners)
        self.stage.put(made)

    def partner(self, name: str, token: str = PARTNERS_TOKEN, **more: Any) -> Partner:  # noqa: ANN401 - its fields
        """Let a partner in, with the token of its shop."""
        given = Partner(OWN, name, f"{self.url}/shopify/{name}", name.partition(".")[0], clock(), **more)
        added, _ = add_with_token(load_settings(), self.ledger, given, SecretStr(token))
        return added

    def consenting(self, name: str) -> Partner:
        """Let a partner in whose owner consented to our app: a token that ends, and one to renew it."""
        given = Partner(OWN, name, f"{self.url}/shopify/{name}", name.partition(".")[0], clock())
        stored = self.ledger.add_partner(given)
        settings = load_settings()
        asked = question(settings, self.ledger, stored, "https://localhost/x")
        consented(settings, self.ledger, asked, "sandbox-code")
        return stored

    def map(self, partner: Partner, pairs: Mapping[int, int], **more: Any) -> None:  # noqa: ANN401 - likewise
        """Map partner variants to own ones."""
        now = clock()
        mappings = [
            ProductMapping(OWN, partner.id or 0, theirs, ours, now, now, **more)
            for theirs, ours in pairs.items()
        ]
        self.ledger.store_mappings(mappings)

    def known(self, name: str = ROAST) -> Partner:
        """A partner as it is stored now."""
        found = self.ledger.partner(OWN, name)
        assert found is not None
        return found

    def run(self, **parameters: object) -> dict[str, Any]:
        """Run the partner sync; its report."""
        return dict(partner_sync(**parameters))  # type: ignore[arg-type]

    def sync(self, partner: str | None = None, *, dry_run: bool = False) -> dict[str, Any]:
        """Sync the partners one after another, without Prefect; the same report."""
        settings = load_settings()
        round_ = books.begin(settings, partner, dry_run=dry_run)
        for each in round_.partners:
            round_.total.take(Course(round_.job, each, settings, self.ledger).run())
        return dict(report_of(round_))

    def levels(self) -> dict[str, int]:
        """Available units by SKU in the own store."""
        return self.stage.levels()
