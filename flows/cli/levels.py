"""`evenstock levels rebind`: a person says that a level's SKU now belongs to another row of RMS."""

from connectors.errors import ConfigurationError
from connectors.folding import fold
from connectors.ledger import LevelMemory
from connectors.settings import load_settings
from flows.cli.options import Parser, out
from tasks.desk import ledger_of


def levels(arguments: list[str]) -> int:
    """Confirm a rebinding, which runs refuse as `rebound` until then."""
    parser = Parser("levels", "Confirm that a level's SKU now belongs to another RMS item.")
    parser.add_argument("action", metavar="rebind")
    parser.add_argument("level", metavar="SKU|ITEM", help="the SKU, or the inventory item's number")
    parser.add_argument("--rms-item", type=int, required=True, metavar="ID", help="the ItemID of the RMS row")
    options = parser.parse_args(arguments)
    if options.action != "rebind":
        parser.error(f"there is no action {options.action}; actions: rebind")
    settings = load_settings()
    ledger = ledger_of(settings)
    location = _location(ledger.location("shopify", settings.shop), settings.shop)
    level = _the_one(ledger.levels_of(settings.shop, location), options.level)
    ledger.confirm_rebinding(settings.shop, level.inventory_item_id, location, options.rms_item)
    out().print(
        f"{level.sku_folded} (item {level.inventory_item_id}) now belongs to RMS item {options.rms_item}; "
        f"it was {level.rms_item_id or 'not bound'}.",
        markup=False,
    )
    return 0


def _location(used: int | None, shop: str) -> int:
    if used is None:
        raise ConfigurationError(f"nothing is known of {shop} yet: no run has looked at it")
    return used


def _the_one(known: dict[int, LevelMemory], wanted: str) -> LevelMemory:
    """The level with this item number or SKU. Raises ConfigurationError for none or several."""
    if wanted.isdecimal() and int(wanted) in known:
        return known[int(wanted)]
    found = [level for level in known.values() if level.sku_folded == fold(wanted) and not level.deleted_at]
    if len(found) > 1:
        items = ", ".join(str(level.inventory_item_id) for level in found)
        raise ConfigurationError(f"several levels have the SKU {wanted}: name one of the items {items}")
    if not found:
        raise ConfigurationError(f"no run has seen a level with the SKU or item {wanted}")
    return found[0]
