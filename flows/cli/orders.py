"""`evenstock orders`: units that orders gave back, and what a person says became of them."""

from collections.abc import Callable
from getpass import getuser
from typing import Any
from uuid import uuid4

from rich.markup import escape
from rich.table import Table

from connectors.errors import ConfigurationError
from connectors.ledger import Item, Ledger, Review, ReviewState
from connectors.records import JsonObject
from connectors.settings import load_settings
from flows.cli.options import Action, Parser, out, say_json
from flows.cli.page import printable
from tasks.desk import ledger_of
from tasks.market_accounts import DEFAULT


def orders(arguments: list[str]) -> int:
    """List what waits, or say that the units are back on the shelf, or lost."""
    options = _parser().parse_args(arguments or ["list"])
    return _ACTIONS[options.action](ledger_of(load_settings()), options)


def _parser() -> Parser:
    parser = Parser("orders", "Units that cancelled or reduced orders gave back.")
    actions = parser.add_subparsers(
        dest="action", metavar="|".join(_ACTIONS), required=True, parser_class=Action
    )
    listed = actions.add_parser("list")
    listed.add_argument("--account", metavar="NAME", help="all accounts unless named")
    listed.add_argument("--all", action="store_true", dest="also_closed", help="those that are settled too")
    back = actions.add_parser("restock")
    back.add_argument(
        "--lot-shows-them", action="store_true", help="the marketplace's own lot has the units again already"
    )
    lost = actions.add_parser("write-off")
    for each in (back, lost):
        each.add_argument("order", metavar="ID", help="the order's number, or marketplace/number")
        each.add_argument("--account", default=DEFAULT, metavar="NAME")
        each.add_argument("--by", metavar="NAME", help="who says so")
    for each in (listed, back, lost):
        each.add_argument("--json", action="store_true", dest="as_json")
    return parser


def _list(ledger: Ledger, options: Any) -> int:  # noqa: ANN401 - argparse's own
    found = (
        ledger.reviews(options.account, state=None)
        if options.also_closed
        else ledger.reviews(options.account)
    )
    items = {(each.account, each.item_id): ledger.item(each.account, each.item_id) for each in found}
    rows = [_row(each, items[each.account, each.item_id]) for each in found]
    if options.as_json:
        say_json({"reviews": [*rows]})
        return 0
    table = Table("account", "order", "item", "part", "units", "since (UTC)", "state", box=None)
    for row in rows:
        names = ("account", "order", "item_id", "part_number", "quantity", "opened_at", "state")
        table.add_row(*(escape(printable(str(row[name]))) for name in names))
    out().print(table if rows else "No order waits for a person.")
    return 0


def _row(review: Review, item: Item | None) -> JsonObject:
    return {
        "account": review.account,
        "order": f"{review.marketplace}/{review.order_id}",
        "marketplace": review.marketplace,
        "order_id": review.order_id,
        "line_id": review.line_id,
        "lot_id": review.lot_id,
        "item_id": review.item_id,
        "part_number": item.part_number if item else None,
        "quantity": review.quantity,
        "state": str(review.state),
        "opened_at": review.opened_at.isoformat(timespec="minutes"),
        "checked_at": review.checked_at.isoformat(timespec="minutes") if review.checked_at else None,
        "resolved_by": review.resolved_by or None,
    }


def _resolve(ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    found = _waiting(ledger, options.account, options.order)
    by, now = options.by or _user(), load_settings().now()
    for each in found:
        if options.action == "restock":
            ledger.restock(each.id or 0, now, lot_rose=options.lot_shows_them, by=by)
        else:
            ledger.write_off(each.id or 0, now, by)
    if options.action == "restock":
        _tell(found)
    units = sum(each.quantity for each in found)
    became = _BECAME[options.action]
    if options.as_json:
        say_json({"order": options.order, "units": units, "state": str(became)})
        return 0
    said = f"{units} units are written off; nothing changes."
    if became is ReviewState.RESTOCKED:
        said = f"{units} units are back; what the marketplaces are owed of them is on its way."
    out().print(said, markup=False, soft_wrap=True)
    return 0


def _tell(found: list[Review]) -> None:
    from flows.marketplace_sync import tell_worker  # noqa: PLC0415 - it takes a second

    for account, item_id in dict.fromkeys((each.account, each.item_id) for each in found):
        tell_worker(item_id, account, "update", str(uuid4()))


def _waiting(ledger: Ledger, account: str, order: str) -> list[Review]:
    """The open reviews of an order. Raises ConfigurationError for none, or if both marketplaces have it."""
    market, _, number = order.rpartition("/")
    waiting = ledger.reviews(account, market or None)
    found = [each for each in waiting if each.order_id == number]
    if not found:
        known = ", ".join(dict.fromkeys(f"{each.marketplace}/{each.order_id}" for each in waiting))
        raise ConfigurationError(
            f"no units of order {order} wait in the account {account}; orders that wait: {known or 'none'}"
        )
    if len({each.marketplace for each in found}) > 1:
        raise ConfigurationError(f"both marketplaces have an order {number}: name it bricklink/{number}")
    return found


def _user() -> str:
    try:
        return getuser()
    except (OSError, KeyError):
        return "operator"


_BECAME = {"restock": ReviewState.RESTOCKED, "write-off": ReviewState.WRITTEN_OFF}
_ACTIONS: dict[str, Callable[[Ledger, Any], int]] = {
    "list": _list,
    "restock": _resolve,
    "write-off": _resolve,
}
