"""`evenstock levels`: what only a person may say of a level: which RMS row it is, and whose it is."""

import re
from argparse import ArgumentTypeError

from connectors.errors import ConfigurationError
from connectors.folding import fold
from connectors.ledger import Ledger, LevelMemory
from connectors.settings import load_settings
from flows.cli.options import Parser, out
from tasks.desk import ledger_of


def levels(arguments: list[str]) -> int:
    """Confirm what runs refuse as `rebound` or `other_truth` until then."""
    parser = Parser("levels", "Say which RMS item a level belongs to, or which truth feeds it.")
    parser.add_argument("action", metavar="rebind|own")
    parser.add_argument("level", metavar="SKU|ITEM", help="the SKU, or the inventory item's number")
    parser.add_argument("--rms-item", type=_item_id, metavar="ID", help="rebind: the ItemID of the RMS row")
    parser.add_argument(
        "--truth", metavar="NAME", help="own: the truth that may write the level, such as rms"
    )
    options = parser.parse_args(arguments)
    needed = {"rebind": ("--rms-item", options.rms_item), "own": ("--truth", options.truth)}
    if options.action not in needed:
        parser.error(f"there is no action {options.action}; actions: {', '.join(needed)}")
    name, value = needed[options.action]
    if not value:
        parser.error(f"{options.action} needs {name}")
    settings = load_settings()
    out().print(
        _confirm(ledger_of(settings), settings.shop, options.level, value), markup=False, soft_wrap=True
    )
    return 0


def _item_id(text: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", text):
        raise ArgumentTypeError(f"{text} is no ItemID")
    return int(text)


def _confirm(ledger: Ledger, shop: str, wanted: str, value: int | str) -> str:
    """Store what the person says: an RMS item's number, or the name of a truth. What it was and is."""
    location = _location(ledger.location("shopify", shop), shop)
    level = _the_one(ledger.levels_of(shop, location), wanted)
    name = f"{level.sku_folded} (item {level.inventory_item_id})"
    if isinstance(value, int):
        ledger.confirm_rebinding(shop, level.inventory_item_id, location, value)
        return f"{name} now belongs to RMS item {value}; before: {level.rms_item_id or 'none'}."
    ledger.move_level(shop, level.inventory_item_id, location, value)
    return f"{name} is now fed by {value}; before: {level.owner_truth or 'nobody'}."


def _location(used: int | None, shop: str) -> int:
    if used is None:
        raise ConfigurationError(f"nothing is known of {shop} yet: no run has looked at it")
    return used


def _the_one(known: dict[int, LevelMemory], wanted: str) -> LevelMemory:
    """The level with this item number or SKU. Raises ConfigurationError for none or several."""
    if re.fullmatch("[0-9]{1,18}", wanted) and int(wanted) in known:
        return known[int(wanted)]
    found = [level for level in known.values() if level.sku_folded == fold(wanted) and not level.deleted_at]
    if len(found) > 1:
        items = ", ".join(str(level.inventory_item_id) for level in found)
        raise ConfigurationError(f"several levels have the SKU {wanted}: name one of the items {items}")
    if not found:
        raise ConfigurationError(f"no run has seen a level with the SKU or item {wanted}")
    return found[0]
