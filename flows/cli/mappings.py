"""`evenstock mappings`: which variants of partners feed which own ones."""

import csv
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from connectors.ledger import Ledger, ProductMapping
from connectors.records import JsonObject, JsonValue
from connectors.settings import Settings, load_settings
from flows.cli.options import Parser, out, say_json
from flows.cli.page import SHOWN, printable
from flows.cli.plans import harmless
from tasks.desk import ledger_of
from tasks.mapping_proposals import Pair, Proposals
from tasks.mapping_rows import COLUMNS
from tasks.mappings import Imported, import_mappings, proposals
from tasks.partners import the_partner

MOST_SHOWN = 100
"""Bad rows that a terminal shows."""


def mappings(arguments: list[str]) -> int:
    """Import mappings from a file, list them, or propose some."""
    options = _parser().parse_args(arguments)
    settings = load_settings()
    settings.require("SHOPIFY_STORE_DOMAIN")
    ledger = ledger_of(settings)
    if options.action == "import":
        return _import(settings, ledger, options)
    if options.action == "list":
        return _list(settings, ledger, options)
    return _propose(settings, ledger, options)


def _parser() -> Parser:
    parser = Parser("mappings", "Which variants of partners feed which own ones.")
    actions = parser.add_subparsers(
        dest="action", metavar="import|list|propose", required=True, parser_class=_Action
    )
    imported = actions.add_parser("import")
    imported.add_argument("file", metavar="FILE.csv", type=Path)
    imported.add_argument("--strict", action="store_true", help="store nothing if one row is bad")
    imported.add_argument(
        "--offline", action="store_true", help="do not ask the stores whether the ids exist"
    )
    listed = actions.add_parser("list")
    listed.add_argument("partner", metavar="PARTNER", nargs="?")
    proposed = actions.add_parser("propose")
    proposed.add_argument("partner", metavar="PARTNER")
    for each in (listed, proposed):
        each.add_argument("--csv", action="store_true", dest="as_csv", help="in the form that import takes")
    for each in (imported, listed, proposed):
        each.add_argument("--json", action="store_true", dest="as_json")
    return parser


class _Action(Parser):
    def __init__(self, *, prog: str) -> None:
        super().__init__(prog.removeprefix("evenstock "), "")


# ------------------------------------------------------------------- import


def _import(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401 - argparse's own
    found = import_mappings(settings, ledger, options.file, strict=options.strict, offline=options.offline)
    if options.as_json:
        say_json(_told(found, strict=options.strict))
    else:
        _print(found, strict=options.strict)
    return 1 if found.bad else 0


def _told(found: Imported, *, strict: bool) -> JsonObject:
    bad: list[JsonValue] = [dict(asdict(each)) for each in found.bad]
    return {
        "success": not found.bad,
        "strict": strict,
        "stored": found.stored,
        "unchanged": found.unchanged,
        "bad": bad,
    }


def _print(found: Imported, *, strict: bool) -> None:
    console = out()
    table = Table("line", "column", "value", "reason", box=None, header_style="bold")
    for each in found.bad[:MOST_SHOWN]:
        cells = (str(each.line), each.column, each.value, each.reason)
        table.add_row(*(escape(printable(cell)) for cell in cells))
    if len(found.bad) > MOST_SHOWN:
        table.add_row("…", "", "", f"{len(found.bad) - MOST_SHOWN} more: --json shows all")
    if found.bad:
        console.print(table)
    if strict and found.bad:
        console.print(f"Nothing is stored: {len(found.bad)} rows are bad.")
        return
    console.print(f"{found.stored} stored, {found.unchanged} were so already, {len(found.bad)} bad.")


# --------------------------------------------------------------------- list


def _list(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    partner = the_partner(ledger, settings.shop, options.partner) if options.partner else None
    names = {each.id or 0: each.shop_domain for each in ledger.partners(settings.shop)}
    found = ledger.mappings(settings.shop, partner.id if partner else None)
    rows = [_row(each, names) for each in found]
    if options.as_json:
        say_json({"mappings": [_json(each, names) for each in found]})
    elif options.as_csv:
        _write([*COLUMNS, "sums"], rows)
    else:
        table = Table(*COLUMNS, "sums", box=None, header_style="bold")
        for row in rows:
            table.add_row(*(escape(printable(cell)) for cell in row))
        out().print(table if rows else "Nothing is mapped yet: evenstock mappings propose PARTNER")
    return 0


def _row(each: ProductMapping, names: dict[int, str]) -> list[str]:
    places = " ".join(map(str, each.location_ids or ()))
    return [
        names[each.partner_id],
        str(each.partner_variant_id),
        str(each.own_variant_id),
        _word(yes=each.is_active),
        places,
        str(each.buffer),
        each.orders_known or "",
        _word(yes=each.sums),
    ]


def _word(*, yes: bool) -> str:
    return "true" if yes else "false"


def _json(each: ProductMapping, names: dict[int, str]) -> JsonObject:
    places: list[JsonValue] | None = None if each.location_ids is None else [*each.location_ids]
    return {
        "partner_shop": names[each.partner_id],
        "partner_variant_id": each.partner_variant_id,
        "own_variant_id": each.own_variant_id,
        "active": each.is_active,
        "locations": places,
        "buffer": each.buffer,
        "orders_known": each.orders_known,
        "sums": each.sums,
        "updated_at": each.updated_at.isoformat(),
    }


def _write(header: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(header)
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])


# ------------------------------------------------------------------ propose


def _propose(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    partner = the_partner(ledger, settings.shop, options.partner)
    found = proposals(settings, ledger, partner)
    if options.as_json:
        say_json(_proposed(found))
    elif options.as_csv:
        _write(
            [*COLUMNS, "partner_sku", "own_sku"], (_as_row(partner.shop_domain, each) for each in found.pairs)
        )
        print(_counted(found), file=sys.stderr)  # noqa: T201
    else:
        _print_proposals(found, partner.shop_domain)
    return 0


def _as_row(shop: str, pair: Pair) -> list[str]:
    ids = [str(pair.partner_variant), str(pair.own_variant)]
    return [shop, *ids, "true", "", "0", "", pair.partner_sku, pair.own_sku]


def _counted(found: Proposals) -> str:
    return (
        f"{len(found.pairs)} proposed, nothing is bound. Not proposed: {len(found.near)} that only look "
        f"alike, {len(found.twins)} SKUs that a store has more than once, {len(found.taken)} whose own "
        f"variant is fed already; {found.bound} mapped before, {found.blank} without SKU, "
        f"{found.unmatched} without match."
    )


def _proposed(found: Proposals) -> JsonObject:
    return {
        "proposed": [dict(asdict(each)) for each in found.pairs],
        "near": [dict(asdict(each)) for each in found.near],
        "taken": [dict(asdict(each)) for each in found.taken],
        "twins": [
            {"store": each.store, "variants": [{"id": number, "sku": sku} for number, sku in each.variants]}
            for each in found.twins
        ],
        "bound": found.bound,
        "blank": found.blank,
        "unmatched": found.unmatched,
    }


def _print_proposals(found: Proposals, shop: str) -> None:
    console = out()
    table = Table("", "partner SKU", "variant", "own SKU", "variant", box=None, header_style="bold")
    for word, pairs in (("proposed", found.pairs), ("looks alike", found.near), ("fed already", found.taken)):
        for each in pairs[:SHOWN]:
            cells = (each.partner_sku, str(each.partner_variant), each.own_sku, str(each.own_variant))
            table.add_row(word, *(escape(printable(cell)) for cell in cells))
        if len(pairs) > SHOWN:
            table.add_row("…", f"{word}: {len(pairs) - SHOWN} more", "", "", "")
    for twins in found.twins[:SHOWN]:
        shown = ", ".join(f"'{sku}' ({number})" for number, sku in twins.variants)
        cells = (shown, "", "", "") if twins.store == "partner" else ("", "", shown, "")
        table.add_row("twins", *(escape(printable(cell)) for cell in cells))
    if table.row_count:
        console.print(table)
    console.print(_counted(found), soft_wrap=True)
    console.print(f"As a file for import: evenstock mappings propose {shop} --csv", soft_wrap=True)
