"""The partners of the demo shop: let in and mapped as a person would, then met by what partners meet."""

import csv
import json
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from connectors.errors import EvenstockError
from connectors.ledger import Ledger, Partner
from connectors.records import JsonValue
from connectors.settings import Settings
from tasks.desk import ledger_of
from tasks.mapping_rows import NEEDED
from tasks.mappings import import_mappings, proposals
from tasks.partners import Terms, add_with_token, described, the_partner

PARTNERS = {
    "bags.example": "Tote bags",
    "socks.example": "Wool socks",
    "belts.example": "Leather belts",
}
"""The partners by their domains in the demo's world."""
TOKEN = "demo-partner-token"  # noqa: S105 - opens nothing but the demo's stand-ins
LESS, REVOKED = "socks.example", "belts.example"
"""The partner that will no longer have one of its variants, and the one that takes its token back."""


def let_in(settings: Settings, folder: Path) -> int:
    """Let the partners in, and map their goods to the own ones of the same SKUs; how many are mapped."""
    ledger = ledger_of(settings)
    pairs = {each.shop_domain: proposals(settings, ledger, each).pairs for each in _added(settings, ledger)}
    table = folder / "mappings.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(NEEDED)
        writer.writerows(
            (shop, pair.partner_variant, pair.own_variant) for shop, found in pairs.items() for pair in found
        )
    return import_mappings(settings, ledger, table, strict=True).stored


def _added(settings: Settings, ledger: Ledger) -> list[Partner]:
    added: list[Partner] = []
    for shop, name in PARTNERS.items():
        partner = described(settings, ledger, f"{_stand_ins(settings)}/shopify/{shop}", Terms(name))
        added.append(add_with_token(settings, ledger, partner, SecretStr(TOKEN))[0])
    return added


def spoil(settings: Settings) -> None:
    """One partner no longer has a variant, another one takes its token back."""
    ledger = ledger_of(settings)
    partner = the_partner(ledger, settings.shop, LESS)
    gone = ledger.mappings(settings.shop, partner.id)[0]
    _happen(settings, account=LESS, kind="delete_variant", variant_id=gone.partner_variant_id)
    _happen(settings, account=REVOKED, kind="revoke_token")


def _stand_ins(settings: Settings) -> str:
    return settings.shopify_base_url.split("/shopify/")[0]


def _happen(settings: Settings, **event: JsonValue) -> None:
    """Make something happen in the stand-ins' world."""
    address = urlsplit(_stand_ins(settings)).netloc
    connection = HTTPConnection(address, timeout=10)
    try:
        body = json.dumps({"system": "shopify", **event})
        connection.request("POST", "/_sandbox/events", body, {"Content-Type": "application/json"})
        if (answer := connection.getresponse()).status != 200:
            raise EvenstockError(f"the stand-in refuses {event['kind']}: {answer.read().decode()}")
    finally:
        connection.close()
