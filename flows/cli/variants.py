"""`evenstock variants`: the variants that runs deleted, and their way back."""

from collections.abc import Iterator
from datetime import datetime

from rich.markup import escape
from rich.table import Table

from connectors.errors import ConfigurationError
from connectors.ledger.records import Snapshot
from connectors.records import JsonObject, JsonValue
from connectors.settings import load_settings
from connectors.shopify.readers import recorded
from flows.cli.options import Parser, out, say_json
from flows.cli.page import printable, section
from tasks.desk import ledger_of
from tasks.restore import document, restore

GID = "gid://shopify/ProductVariant/"


def variants(arguments: list[str]) -> int:
    """List the snapshots of deleted variants, or make one of them again."""
    options = _parser().parse_args(arguments)
    if options.action == "list":
        return _list(as_json=options.as_json)
    return _restore(_number(options.variant), dry_run=options.dry_run, as_json=options.as_json)


def _parser() -> Parser:
    parser = Parser("variants", "Variants that were deleted, and their way back.")
    actions = parser.add_subparsers(
        dest="action", metavar="list|restore", required=True, parser_class=_Action
    )
    listed = actions.add_parser("list")
    restored = actions.add_parser("restore")
    restored.add_argument("variant", metavar="ID", help="the deleted variant's number or gid")
    restored.add_argument("--dry-run", action="store_true", help="only tell what would be made")
    for each in (listed, restored):
        each.add_argument("--json", action="store_true", dest="as_json")
    return parser


class _Action(Parser):
    def __init__(self, *, prog: str) -> None:
        super().__init__(prog.removeprefix("evenstock "), "")


def _number(text: str) -> int:
    digits = text.removeprefix(GID)
    if not digits.isdecimal():
        raise ConfigurationError(f"variants restore: {text} is no variant's number or gid")
    return int(digits)


# -------------------------------------------------------------------- list


def _list(*, as_json: bool) -> int:
    settings = load_settings()
    found = ledger_of(settings).deleted_variants(settings.shop)
    found.sort(key=lambda each: (each.deleted_at or each.taken_at, each.variant_id), reverse=True)
    if as_json:
        say_json({"variants": [_as_json(each) for each in found]})
        return 0
    table = Table(
        "variant", "SKU", "options", "product", "deleted (UTC)", "restored as", box=None, header_style="bold"
    )
    for each in found:
        table.add_row(*(escape(printable(cell)) for cell in _cells(each)))
    out().print(table if found else "No variant was deleted.")
    return 0


def _cells(snapshot: Snapshot) -> tuple[str, ...]:
    was = recorded(snapshot.data).variant
    return (
        str(snapshot.variant_id),
        was.sku or "",
        ", ".join(value for _, value in was.options),
        f"{snapshot.product_id} {section(snapshot.data, 'product').get('handle') or ''}",
        _moment(snapshot.deleted_at),
        f"{snapshot.restored_variant_id}" if snapshot.restored_at else "",
    )


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def _as_json(snapshot: Snapshot) -> JsonObject:
    was = recorded(snapshot.data).variant
    return {
        "variant_id": snapshot.variant_id,
        "product_id": snapshot.product_id,
        "sku": was.sku,
        "options": dict(was.options),
        "deleted_at": _iso(snapshot.deleted_at),
        "deleted_by": snapshot.run_id,
        "restored_at": _iso(snapshot.restored_at),
        "restored_variant_id": snapshot.restored_variant_id,
        "restored_inventory_item_id": snapshot.restored_item_id,
    }


def _iso(at: datetime | None) -> JsonValue:
    return at.isoformat() if at else None


# ----------------------------------------------------------------- restore


def _restore(variant_id: int, *, dry_run: bool, as_json: bool) -> int:
    restored = restore(load_settings(), variant_id, dry_run=dry_run)
    told = document(restored)
    if as_json:
        say_json(told)
    else:
        _print(told)
    return 0 if restored.success else 1


def _print(told: JsonObject) -> None:
    console = out()
    for sentence in _page(told):
        console.print(printable(sentence), markup=False, soft_wrap=True)


def _page(told: JsonObject) -> Iterator[str]:
    """What a person is told, line by line."""
    yield _headline(told)
    yield _stock(section(told, "level"), is_dry=bool(told["dry_run"]))
    yield from (f"Warning: {warning}." for warning in _texts(told, "warnings"))
    yield "What does not come back:"
    yield from (f"- {lost}" for lost in _texts(told, "not_restored"))


def _headline(told: JsonObject) -> str:
    old, new = section(told, "old"), section(told, "new")
    options = ", ".join(f"{name} {value}" for name, value in section(told, "options").items())
    what = f"{told['sku']} ({options}) in product {told['product_id']}, {told['title']}"
    if not new:
        return f"Dry run: {what}, would be made again from the snapshot of variant {old['variant_id']}."
    before = " An earlier try had made it already." if told["made_before"] else ""
    return (
        f"{what}: variant {old['variant_id']} is back as variant {new['variant_id']}, inventory item "
        f"{old['inventory_item_id']} as {new['inventory_item_id']}.{before}"
    )


def _stock(level: JsonObject, *, is_dry: bool) -> str:
    if not level:
        return "Its level stays at zero; the next run that looks at the product sets it."
    if level["outcome"] == "done":
        return f"Its level was set to {level['to']}, as RMS says."
    if is_dry and level["outcome"] == "not_sent":
        return f"Its level would be set to {level['to']}, as RMS says."
    if level["outcome"] == "unchanged":
        return f"Its level is {level['to']}, as RMS says."
    why = ": ".join(str(part) for part in (level["reason"], level["note"] or level["meaning"]) if part)
    return f"Its level was left as it is ({level['outcome']}, {why})."


def _texts(told: JsonObject, name: str) -> list[str]:
    found = told.get(name)
    return [str(each) for each in found] if isinstance(found, list) else []
