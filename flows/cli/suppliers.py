"""`evenstock suppliers`: whose goods users sell without having them, and how we get in there."""

import json
import re
import sys
from collections.abc import Mapping
from getpass import getpass
from typing import Any, cast

from rich.markup import escape
from rich.table import Table

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger
from connectors.ledger.supplier_records import Supplier
from connectors.ledger.suppliers import secrets_of
from connectors.records import JsonObject, JsonValue
from connectors.settings import Settings, load_settings
from connectors.suppliers import SUPPLIERS, supplier_type
from flows.cli import supplier_goods
from flows.cli.options import Action, Parser, out, say_json
from flows.cli.page import printable
from flows.cli.parameters import value_of
from tasks import supplier_rows
from tasks.desk import ledger_of
from tasks.supplier_rows import Credentials, Terms

_NOBODY = "default"


def suppliers(arguments: list[str]) -> int:
    """List suppliers, let one in, change it; say what its products feed and which prices to believe."""
    options = _parser().parse_args(arguments or ["list"])
    settings = load_settings()
    return _ACTIONS[options.action](settings, ledger_of(settings), options)


def _parser() -> Parser:
    parser = Parser("suppliers", "Whose goods users sell without having them.")
    actions = parser.add_subparsers(
        dest="action", metavar="|".join(_ACTIONS), required=True, parser_class=Action
    )
    listed = actions.add_parser("list")
    listed.add_argument("--json", action="store_true", dest="as_json")
    listed.add_argument("--user", metavar="USER")
    added = actions.add_parser("add")
    added.add_argument("--user", default=_NOBODY, metavar="USER", help="whose supplier it is")
    added.add_argument("--type", required=True, metavar="|".join(SUPPLIERS))
    added.add_argument("--name", required=True, help="what people call it")
    _take_terms(added)
    changed = actions.add_parser("change")
    changed.add_argument("supplier", metavar="ID|NAME")
    changed.add_argument("--name", help="what people call it")
    changed.add_argument(
        "--shared-credentials", action="store_true", help="use those of the settings from now on"
    )
    _take_terms(changed)
    for name in ("disable", "enable"):
        actions.add_parser(name).add_argument("supplier", metavar="ID|NAME")
    supplier_goods.take_actions(actions)
    return parser


def _take_terms(parser: Parser) -> None:
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="language, feed, batch_size, …"
    )
    parser.add_argument(
        "--credentials",
        action="store_true",
        help="read its own from standard input, as name=value or JSON",
    )


def _terms(options: Any, connector_type: str) -> Terms:  # noqa: ANN401 - argparse's own
    if options.name is not None and not options.name.strip():
        raise ConfigurationError("suppliers: --name must not be empty")
    credentials = _read_credentials(connector_type) if options.credentials else None
    if getattr(options, "shared_credentials", False):
        if credentials is not None:
            raise ConfigurationError("suppliers change: either --credentials or --shared-credentials")
        credentials = Credentials()
    return Terms(options.name, _configuration(options.set), credentials)


def _configuration(pairs: list[str]) -> JsonObject | None:
    """`NAME=VALUE` words as an object; values are JSON, else text, and an empty one takes the name out."""
    found: JsonObject = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise ConfigurationError(f"suppliers: --set takes NAME=VALUE, not {pair}")
        found[name] = cast("JsonValue", value_of(value)) if value else None
    return found or None


def _read_credentials(connector_type: str) -> Credentials:
    """From a person one by one, unseen; from a program as JSON, as name=value lines, or as the only one."""
    kind = supplier_type(connector_type)
    if not kind.credentials:
        raise ConfigurationError(f"suppliers: {connector_type} needs no credentials")
    if sys.stdin.isatty():
        typed = {name: getpass(f"{name}: ").strip() for name in kind.accepted}
    else:
        typed = _given(sys.stdin.read().strip(), kind.accepted)
    if missing := [name for name in kind.credentials if not typed.get(name)]:
        raise ConfigurationError(
            f"suppliers: standard input must give {', '.join(missing)}, as name=value or JSON"
        )
    return Credentials({name: value for name, value in typed.items() if value})


def _given(text: str, names: Mapping[str, str]) -> dict[str, str]:
    """Credentials by their names, which may also be written as the settings' variables."""
    pairs = _object(text) if text.startswith("{") else _pairs(text)
    plain = {variable: name for name, variable in names.items()} | {name: name for name in names}
    if len(names) == 1 and not plain.keys() & pairs.keys():
        return dict.fromkeys(names, text) if "\n" not in text else {}
    return {plain.get(name, name): value for name, value in pairs.items()}


def _object(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError:
        raise ConfigurationError("suppliers: standard input is not one JSON object") from None
    return {str(name): "" if value is None else str(value) for name, value in found.items()}


_PAIR = re.compile(r"\s*([A-Za-z_]+)\s*=\s*(.*?)\s*")


def _pairs(text: str) -> dict[str, str]:
    """The lines that are `name=value`."""
    found = (_PAIR.fullmatch(line) for line in text.splitlines())
    return {each[1]: each[2] for each in found if each}


def _say(text: str) -> int:
    out().print(printable(text), markup=False, soft_wrap=True)
    return 0


# ------------------------------------------------------------------ actions


def _add(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401 - argparse's own
    supplier_type(options.type)
    added = supplier_rows.add(settings, ledger, options.user, options.type, _terms(options, options.type))
    _say(f"{added.name} of user {added.user_id} is stored: {added.id}")
    return _say(
        f"Next: evenstock run enqueue-job --user_id {added.user_id} --job_type supplier_api "
        f"--supplier_id {added.id}"
    )


def _change(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    supplier = supplier_rows.named(ledger, options.supplier)
    changed = supplier_rows.change(settings, ledger, supplier, _terms(options, supplier.connector_type))
    return _say(f"{changed.name} is changed.")


def _switch(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    supplier = supplier_rows.named(ledger, options.supplier)
    is_active = options.action == "enable"
    supplier_rows.switch(settings, ledger, supplier, is_active=is_active)
    return _say(f"{supplier.name}: its jobs are {'done again' if is_active else 'not done any more'}.")


def _list(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    del settings
    found = ledger.suppliers(options.user)
    if options.as_json:
        say_json({"suppliers": [_as_json(ledger, each) for each in found]})
        return 0
    table = Table(box=None, header_style="bold")
    table.add_column("id", no_wrap=True)
    for name in ("user", "name", "type", "status", "products", "last sync (UTC)", "credentials"):
        table.add_column(name, overflow="fold")
    for each in found:
        last = f"{each.last_sync_at:%Y-%m-%d %H:%M} {each.last_sync_status}" if each.last_sync_at else "never"
        cells = (each.id, each.user_id, each.name, each.connector_type, each.status)
        more = (str(each.product_count), last, _credentials(ledger, each))
        table.add_row(*(escape(printable(cell)) for cell in (*cells, *more)))
    out().print(table if found else "There is no supplier yet: evenstock suppliers add --type … --name …")
    return 0


def _credentials(ledger: Ledger, supplier: Supplier) -> str:
    return "own" if ledger.secret_names(secrets_of(supplier.user_id, supplier.id)) else "settings"


def _as_json(ledger: Ledger, supplier: Supplier) -> JsonObject:
    return {
        "id": supplier.id,
        "user_id": supplier.user_id,
        "name": supplier.name,
        "connector_type": supplier.connector_type,
        "status": supplier.status,
        "configuration": supplier.configuration,
        "credentials": _credentials(ledger, supplier),
        "product_count": supplier.product_count,
        "error_count": supplier.error_count,
        "last_sync_at": supplier.last_sync_at.isoformat() if supplier.last_sync_at else None,
        "last_sync_status": supplier.last_sync_status,
    }


_ACTIONS = {
    "list": _list,
    "add": _add,
    "change": _change,
    "disable": _switch,
    "enable": _switch,
    **supplier_goods.ACTIONS,
}
