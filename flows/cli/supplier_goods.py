"""`evenstock suppliers`: what imported products feed, which of their prices wait, which channels are on."""

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from rich.markup import escape
from rich.table import Table

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger
from connectors.ledger.imported_products import PRODUCTS, VARIANTS, Kind
from connectors.ledger.product_marks import HeldPrice
from connectors.ledger.supplier_records import DIRECTIONS, ImportedProduct, MarketplaceIntegration, Supplier
from connectors.records import JsonObject, JsonValue
from connectors.settings import Settings
from flows.cli.options import out, say_json
from flows.cli.page import printable
from tasks import binding, channels_of, feed, held_prices, offers
from tasks.feed_items import Release
from tasks.offers import Imported
from tasks.plan import BROKEN, Outcome
from tasks.supplier_rows import named

KINDS: tuple[Kind, ...] = (PRODUCTS, VARIANTS)
BROKE, HELD = 1, 3
"""Exit status when something failed, and when something waits for a person."""


def take_actions(actions: Any) -> None:  # noqa: ANN401 - argparse has no public name for it
    """Say what these actions take."""
    bound = _of_a_supplier(actions.add_parser("bind"))
    _take_feeder(bound)
    what = bound.add_mutually_exclusive_group(required=True)
    what.add_argument("--item", metavar="ID", help="the own item that it feeds")
    what.add_argument("--own-variant", type=int, metavar="ID", help="the own store's variant that it feeds")
    bound.add_argument("--buffer", type=int, default=0, metavar="UNITS", help="units that are kept back")
    _take_feeder(_of_a_supplier(actions.add_parser("unbind")))
    _as_json(_of_a_supplier(actions.add_parser("bindings")))
    fed = _as_json(_of_a_supplier(actions.add_parser("feed")))
    fed.add_argument("--dry-run", action="store_true", help="only tell what would be")
    fed.add_argument("--release", metavar="WAITS", help="own items: let through what waits under this name")
    fed.add_argument("--by", metavar="NAME", help="who takes the responsibility for that")
    prices = _as_json(_of_a_supplier(actions.add_parser("prices")))
    prices.add_argument("--release", dest="product", metavar="PRODUCT", help="believe this one's price")
    prices.add_argument("--variant", action="store_true", help="PRODUCT is a variant's id")
    prices.add_argument("--limit", type=int, default=100, metavar="N")
    _take_channels(actions.add_parser("channels"))


def _of_a_supplier(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("supplier", metavar="ID|NAME")
    return parser


def _as_json(parser: ArgumentParser) -> ArgumentParser:
    parser.add_argument("--json", action="store_true", dest="as_json")
    return parser


def _take_feeder(parser: ArgumentParser) -> None:
    parser.add_argument("product", metavar="PRODUCT", help="as the supplier calls it")
    parser.add_argument("--variant", action="store_true", help="PRODUCT is a variant's id")


def _take_channels(parser: ArgumentParser) -> None:
    _as_json(parser)
    parser.add_argument("--user", default="default", metavar="USER")
    parser.add_argument("channel", nargs="?", metavar="PLATFORM:SHOP", help="the one to change")
    parser.add_argument("--direction", choices=DIRECTIONS, help="push and bidirectional write stock there")
    parser.add_argument("--off", action="store_false", dest="on", default=None, help="write nothing there")
    parser.add_argument("--on", action="store_true", default=None)


def _feeder(options: Any) -> tuple[Kind, str]:  # noqa: ANN401 - argparse's own
    return (VARIANTS if options.variant else PRODUCTS, options.product)


def _say(text: str) -> int:
    out().print(printable(text), markup=False, soft_wrap=True)
    return 0


def _print(names: Iterable[str], rows: Iterable[Iterable[object]], nothing: str) -> None:
    table = Table(box=None, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(escape(printable("" if cell is None else str(cell))) for cell in row))
    out().print(table if table.row_count else nothing)


# ----------------------------------------------------------------- bindings


def _bind(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    supplier, feeder = named(ledger, options.supplier), _feeder(options)
    if options.buffer < 0:
        raise ConfigurationError("suppliers bind: --buffer must not be below 0")
    if options.item is not None:
        account = binding.bind_item(settings, ledger, supplier, feeder, options.item, buffer=options.buffer)
        what = f"own item {options.item} of account {account}"
    else:
        sku = binding.bind_variant(
            settings, ledger, supplier, feeder, options.own_variant, buffer=options.buffer
        )
        what = f"own variant {options.own_variant} ({sku})"
    _say(f"{feeder[1]} of {supplier.name} feeds {what}, less {options.buffer}, from its next job on.")
    return _say(f"At once: evenstock suppliers feed {supplier.id}")


def _unbind(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    supplier, feeder = named(ledger, options.supplier), _feeder(options)
    binding.unbind(settings, ledger, supplier, feeder)
    return _say(f"{feeder[1]} of {supplier.name} feeds nothing from now on; what it fed stays as it is.")


def _bindings(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    del settings
    rows = [_binding(each) for each in feed.bound(ledger, named(ledger, options.supplier))]
    if options.as_json:
        say_json({"bindings": [*rows]})
    else:
        _print(_BINDING, (row.values() for row in rows), "Nothing is bound: evenstock suppliers bind …")
    return 0


_BINDING = ("kind", "product", "sku", "stock", "buffer", "own variant", "own item", "missing since")


def _binding(row: Imported) -> JsonObject:
    return {
        "kind": "product" if isinstance(row, ImportedProduct) else "variant",
        "product": offers.supplier_key(row),
        "sku": row.sku,
        "stock": row.stock_quantity,
        "buffer": row.buffer,
        "own_variant": row.own_variant_id,
        "own_item": row.own_item_id,
        "missing_since": row.missing_since.isoformat() if row.missing_since else None,
    }


def _feed(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    supplier = named(ledger, options.supplier)
    if (options.release is None) != (options.by is None):
        raise ConfigurationError("suppliers feed: --release and --by belong together")
    if settings.disable_external_calls:
        raise ConfigurationError("DISABLE_EXTERNAL_CALLS is set: nothing is fed with it")
    if options.release is None:
        fed = feed.feed(settings, ledger, supplier, dry_run=options.dry_run)
    else:
        release = Release(options.release, options.by)
        fed = feed.release_items(settings, ledger, supplier, release, dry_run=options.dry_run)
    if options.as_json:
        say_json(fed)
    else:
        _tell_fed(supplier, fed)
    return _status(fed)


def _status(fed: JsonObject) -> int:
    """What the command ends with: 1 if something failed, 3 if something waits for a person, else 0."""
    parts = [part for part in fed.values() if isinstance(part, dict)]
    found = {name for part in parts for name in _counts(part)}
    if found & {each.value for each in BROKEN} or any(part.get("success") is False for part in parts):
        return BROKE
    return HELD if "held" in found else 0


def _counts(part: JsonValue) -> dict[str, JsonValue]:
    """How many lines ended in which way; those of items stand beside what else is told of them."""
    told = part if isinstance(part, dict) else {}
    books = told.get("balance", told)
    assert isinstance(books, dict)  # noqa: S101 - it always is one
    return {each.value: books[each] for each in Outcome if books.get(each)}


def _tell_fed(supplier: Supplier, fed: JsonObject) -> None:
    if not fed:
        _say(f"{supplier.name} feeds nothing: evenstock suppliers bind …")
    for name, part in fed.items():
        told = part if isinstance(part, dict) else {}
        ends = ", ".join(f"{count} {word}" for word, count in _counts(part).items())
        _say(f"{name}: {ends or 'nothing to do'}")
        for trouble in ("held_or_refused", "problems", "warnings", "errors"):
            lines = told.get(trouble)
            for line in lines if isinstance(lines, list) else ():
                _say(f"  {line}")
        if waits := told.get("waits"):
            _say(f"Let it through: evenstock suppliers feed {supplier.id} --release {waits} --by NAME")
        if plan := told.get("plan_id"):
            _say(f"Look at it: evenstock plans show {plan}")


# ------------------------------------------------------------------- prices


def _prices(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    supplier = named(ledger, options.supplier)
    if options.product is not None:
        believed = held_prices.release(settings, ledger, supplier, _feeder(options))
        return _say(f"{believed.key} of {supplier.name}: {_told(believed)} is believed.")
    if options.limit < 1:
        raise ConfigurationError("suppliers prices: --limit must be at least 1")
    rows = [
        _price(kind, each) for kind in KINDS for each in ledger.waiting_prices(supplier, kind, options.limit)
    ]
    if options.as_json:
        say_json({"prices": [*rows]})
    else:
        _print(_PRICE, (row.values() for row in rows), "No price is held.")
    return 0


_PRICE = ("kind", "product", "sku", "price", "cost price", "told", "told cost", "currency", "why")


def _price(kind: Kind, waiting: HeldPrice) -> JsonObject:
    held = waiting.held
    return {
        "kind": "product" if kind is PRODUCTS else "variant",
        "product": waiting.key,
        "sku": waiting.sku,
        "price": None if waiting.price is None else str(waiting.price),
        "cost_price": None if waiting.cost_price is None else str(waiting.cost_price),
        "told_price": held.get("price"),
        "told_cost_price": held.get("cost_price"),
        "currency": held.get("currency"),
        "why": held.get("reason"),
    }


def _told(waiting: HeldPrice) -> str:
    held = waiting.held
    amounts = f"price {held.get('price')}, cost price {held.get('cost_price')}"
    return f"{amounts} {held.get('currency') or ''}".strip()


# ----------------------------------------------------------------- channels


def _channels(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    if options.channel is None:
        if options.direction or options.on is not None:
            raise ConfigurationError("suppliers channels: name the channel to change, as PLATFORM:SHOP")
        return _list_channels(ledger.integrations(options.user), as_json=options.as_json)
    changed = channels_of.change(
        settings, ledger, options.user, options.channel, direction=options.direction, is_active=options.on
    )
    return _say(f"{options.channel}: {changed.sync_direction}, {'on' if changed.is_active else 'off'}.")


def _list_channels(found: list[MarketplaceIntegration], *, as_json: bool) -> int:
    rows: list[JsonObject] = [
        {
            "channel": channels_of.name_of(each),
            "direction": each.sync_direction,
            "is_active": each.is_active,
            "last_sync_at": each.last_sync_at.isoformat() if each.last_sync_at else None,
        }
        for each in found
    ]
    if as_json:
        say_json({"channels": [*rows]})
    else:
        _print(rows[0] if rows else (), (row.values() for row in rows), "No channel yet: bind a product.")
    return 0


ACTIONS = {
    "bind": _bind,
    "unbind": _unbind,
    "bindings": _bindings,
    "feed": _feed,
    "prices": _prices,
    "channels": _channels,
}
