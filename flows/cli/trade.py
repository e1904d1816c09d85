"""The partners of the demo shop: let in and mapped as a person would, then met by what partners meet."""

import csv
from pathlib import Path

from pydantic import SecretStr

from connectors.ledger import Ledger, Partner
from connectors.settings import Settings
from flows.cli.stand_ins import address, happen
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
        partner = described(settings, ledger, f"{address(settings)}/shopify/{shop}", Terms(name))
        added.append(add_with_token(settings, ledger, partner, SecretStr(TOKEN))[0])
    return added


def spoil(settings: Settings) -> None:
    """One partner no longer has a variant, another one takes its token back."""
    ledger = ledger_of(settings)
    partner = the_partner(ledger, settings.shop, LESS)
    gone = ledger.mappings(settings.shop, partner.id)[0]
    happen(
        settings, system="shopify", account=LESS, kind="delete_variant", variant_id=gone.partner_variant_id
    )
    happen(settings, system="shopify", account=REVOKED, kind="revoke_token")
