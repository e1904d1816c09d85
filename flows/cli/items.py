"""`evenstock items`: own items, how they stand on the marketplaces, and what happened to them."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from rich.markup import escape
from rich.table import Table

from connectors.errors import ConfigurationError
from connectors.ledger import Item, ItemHistory, Ledger, ListingStatus, View
from connectors.market import MARKETPLACES
from connectors.records import JsonObject
from connectors.settings import load_settings
from flows.cli.options import Action, Parser, out, say_json
from flows.cli.page import printable
from tasks.desk import ledger_of
from tasks.item_changes import ItemRequest, document_of, the_item
from tasks.items import ROLES, described
from tasks.market_accounts import DEFAULT

_CHANGES = {"add": "create", "change": "update", "delete": "delete"}
_STYLES = {"failed": "red", "parked": "red", "syncing": "yellow"}


def items(arguments: list[str]) -> int:
    """List items, show one and its history, try listings again, or change an item."""
    options = _parser().parse_args(arguments or ["list"])
    if options.action in _CHANGES:
        return _change(options)
    return _ACTIONS[options.action](ledger_of(load_settings()), options)


def _parser() -> Parser:
    parser = Parser("items", "Own items and how they stand on the marketplaces.")
    names = "|".join([*_ACTIONS, *_CHANGES])
    actions = parser.add_subparsers(dest="action", metavar=names, required=True, parser_class=Action)
    listed = _about(actions.add_parser("list"))
    listed.add_argument("--status", choices=[str(each) for each in ListingStatus])
    for name in ("show", "history"):
        _about(actions.add_parser(name)).add_argument("item", metavar="ID")
    again = _about(actions.add_parser("retry"))
    again.add_argument("items", metavar="ID", nargs="*", help="those that failed or are parked, if none")
    for market in MARKETPLACES:
        again.add_argument(f"--{market}", action="append_const", const=market, dest="markets")
    for name in _CHANGES:
        _take_change(_about(actions.add_parser(name)), name)
    return parser


def _about(parser: Parser) -> Parser:
    parser.add_argument("--account", default=DEFAULT, metavar="NAME")
    parser.add_argument("--json", action="store_true", dest="as_json")
    return parser


def _take_change(parser: Parser, name: str) -> None:
    if name != "add":
        parser.add_argument("item", metavar="ID")
    if name != "delete":
        parser.add_argument(
            "fields", metavar="NAME=VALUE", nargs="+", help="such as partNumber=3001 quantityAvailable=12"
        )
    parser.add_argument("--reason", metavar="TEXT")
    parser.add_argument("--actor", metavar="NAME", default="operator")
    parser.add_argument("--role", choices=ROLES, default="owner")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be")


# ------------------------------------------------------------------ changes


def _change(options: Any) -> int:  # noqa: ANN401 - argparse's own
    """Change an item, and let a worker know, so that it reaches the marketplaces at once."""
    from flows.marketplace_sync import apply_change  # noqa: PLC0415 - it takes a second

    document = apply_change(
        ItemRequest(
            change_type=_CHANGES[options.action],
            item_id=getattr(options, "item", None),
            data=_fields(getattr(options, "fields", [])),
            reason=options.reason,
            account=options.account,
            actor=options.actor,
            role=options.role,
            dry_run=options.dry_run,
        )
    )
    if options.as_json:
        say_json(document)
        return 0
    what = "would be like this" if options.dry_run else f"is at revision {document['revision']}"
    _say(f"item {document['item_id'] or '(new)'} {what}")
    return _say_all(document)


def _fields(pairs: list[str]) -> JsonObject:
    """Fields by name; as text, which every field is read from."""
    found: JsonObject = {}
    for pair in pairs:
        name, is_pair, value = pair.partition("=")
        if not is_pair or not name:
            raise ConfigurationError(f"items: {pair} is not NAME=VALUE")
        if name in found:
            raise ConfigurationError(f"items: {name} is given twice")
        found[name] = value
    return found


# -------------------------------------------------------------------- looks


def _list(ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    views: dict[str, dict[str, View]] = {}
    for view in ledger.views(options.account):
        if view.listing.enabled:
            views.setdefault(view.item.id, {})[view.listing.marketplace] = view
    found = [item for item in ledger.items(options.account) if _fits(views.get(item.id, {}), options.status)]
    if options.as_json:
        say_json({"items": [document_with(views.get(item.id, {}), item) for item in found]})
        return 0
    table = Table("item", "part", "colour", "", "available", *MARKETPLACES, box=None, header_style="bold")
    for item in found:
        its = views.get(item.id, {})
        cells = [item.id, item.part_number, str(item.color_id), item.condition, str(item.quantity_available)]
        cells += [_short(its.get(market)) for market in MARKETPLACES]
        table.add_row(*(escape(printable(cell)) for cell in cells), style=_style(its))
    which = "such item" if options.status else "item yet"
    out().print(table if found else f"There is no {which} in the account {escape(options.account)}.")
    return 0


def document_with(views: dict[str, View], item: Item) -> JsonObject:
    """An item for other programs."""
    listings: JsonObject = {market: _listing(views[market]) for market in MARKETPLACES if market in views}
    return {"item_id": item.id, "revision": item.revision, **described(item), "marketplaces": listings}


def _listing(view: View) -> JsonObject:
    return {
        "status": str(view.listing.status),
        "lot_id": view.listing.lot_id,
        "expected": view.listing.expected,
        "owed": view.owed,
        "error": view.listing.reason or None,
        "review": view.listing.review or None,
    }


def _fits(views: dict[str, View], status: str | None) -> bool:
    return status is None or any(str(view.listing.status) == status for view in views.values())


def _short(view: View | None) -> str:
    if view is None:
        return "not listed"
    owed = f", owes {view.owed:+}" if view.owed else ""
    why = f": {view.listing.reason[:60]}" if view.listing.reason else ""
    return f"{view.listing.status}{owed}{why}"


def _style(views: dict[str, View]) -> str:
    found = {str(view.listing.status) for view in views.values()}
    return next((style for status, style in _STYLES.items() if status in found), "")


def _show(ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    item = the_item(ledger, options.account, options.item)
    document = described(item) | document_of(ledger, item)
    if options.as_json:
        say_json(document)
        return 0
    return _say_all(document)


def _say_all(document: JsonObject) -> int:
    """A document, one thing a line; within `item` are its fields, within `marketplaces` how it stands."""
    for name, value in document.items():
        if name == "marketplaces" and isinstance(value, dict):
            for market, standing in value.items():
                _say(f"{market}: {_line(standing)}")
        elif isinstance(value, dict):
            _say_all(value)
        elif value not in (None, ""):
            _say(f"{name}: {value}")
    return 0


def _line(standing: object) -> str:
    if not isinstance(standing, dict) or not standing["enabled"]:
        return "not listed"
    return ", ".join(f"{name} {value}" for name, value in standing.items() if value not in (None, True))


def _history(ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    item = the_item(ledger, options.account, options.item)
    entries = ledger.item_history(options.account, item.id)
    if options.as_json:
        say_json({"item_id": item.id, "history": [_entry(entry) for entry in entries]})
        return 0
    table = Table("when (UTC)", "change", "available", "sold", "status", "by", "why", box=None)
    for entry in entries:
        cells = (
            f"{entry.created_at:%Y-%m-%d %H:%M:%S}",
            entry.change_type,
            f"{entry.delta_available:+}",
            f"{entry.delta_sold:+}",
            entry.to_status or "",
            entry.actor,
            entry.reason,
        )
        table.add_row(*(escape(printable(cell)) for cell in cells))
    out().print(table)
    return 0


def _entry(entry: ItemHistory) -> JsonObject:
    return {
        "at": entry.created_at.isoformat(),
        "change_type": entry.change_type,
        "revision": entry.revision,
        "delta_available": entry.delta_available,
        "delta_reserved": entry.delta_reserved,
        "delta_sold": entry.delta_sold,
        "from_status": entry.from_status,
        "to_status": entry.to_status,
        "actor": entry.actor,
        "reason": entry.reason,
        "correlation_id": entry.correlation_id,
        "marketplace": entry.marketplace,
        "order_id": entry.order_id,
    }


def _retry(ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    ids = [the_item(ledger, options.account, each).id for each in options.items]
    now = load_settings().now()
    count = ledger.retry(options.account, now, item_ids=ids or None, marketplaces=options.markets or ())
    if ids:
        _tell(options.account, ids)
    if options.as_json:
        say_json({"listings": count})
        return 0
    when = "now" if ids else "with the next run: evenstock run marketplace-sync"
    return _say(f"{count} listings are tried again {when}")


def _tell(account: str, ids: list[str]) -> None:
    from flows.marketplace_sync import tell_worker  # noqa: PLC0415 - it takes a second

    for item_id in dict.fromkeys(ids):
        tell_worker(item_id, account, "update", str(uuid4()))


def _say(text: str) -> int:
    out().print(printable(text), markup=False, soft_wrap=True)
    return 0


_ACTIONS: dict[str, Callable[[Ledger, Any], int]] = {
    "list": _list,
    "show": _show,
    "history": _history,
    "retry": _retry,
}
