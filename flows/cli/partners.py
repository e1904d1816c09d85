"""`evenstock partners`: whose goods the own store sells too, how they let us in, and how their syncs go."""

import re
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from datetime import datetime
from getpass import getpass
from typing import Any

from pydantic import SecretStr
from rich.markup import escape
from rich.table import Table

from connectors.errors import ConfigurationError
from connectors.ledger import Alert, Ledger, Partner, Vault
from connectors.ledger.records import WHEN_STALE
from connectors.records import JsonObject, ShopFacts
from connectors.settings import Settings, load_settings
from connectors.shopify.consent import REDIRECT, SCOPES
from flows.cli.alerting import as_document, show, told
from flows.cli.options import Parser, out, say_json
from flows.cli.page import printable
from tasks.alerts import clear
from tasks.desk import ledger_of
from tasks.health import scope_of
from tasks.mapping_rows import MOST_MINUTES
from tasks.partners import (
    Terms,
    add_with_token,
    changed,
    consented,
    described,
    forget,
    question,
    the_partner,
)
from tasks.token import PAIR, TOKEN, secret_of

_STYLES = {"healthy": "green", "warning": "yellow", "failed": "red"}
_SECRET = re.compile(r"[!-~]{4,500}")


def partners(arguments: list[str]) -> int:
    """List partners, let one in, switch it on or off, or remove it."""
    options = _parser().parse_args(arguments or ["list"])
    settings = load_settings()
    settings.require("SHOPIFY_STORE_DOMAIN")
    return _ACTIONS[options.action](settings, ledger_of(settings), options)


def _parser() -> Parser:
    parser = Parser("partners", "Whose goods the own store sells too.")
    actions = parser.add_subparsers(
        dest="action", metavar="|".join(_ACTIONS), required=True, parser_class=_Action
    )
    listed = actions.add_parser("list")
    listed.add_argument("--json", action="store_true", dest="as_json")
    added = actions.add_parser("add")
    added.add_argument("--shop", required=True, metavar="NAME.myshopify.com")
    added.add_argument(
        "--consent", action="store_true", help="without a token: the store's owner consents afterwards"
    )
    _take_terms(added, needs_name=True)
    _take_terms(_about_one(actions.add_parser("change")), needs_name=False)
    asked = _about_one(actions.add_parser("consent"))
    asked.add_argument("--redirect", default=REDIRECT, metavar="URL", help="as allowed in the app's settings")
    for name in ("disable", "enable", "remove"):
        _about_one(actions.add_parser(name))
    actions.add_parser("rotate-key")
    return parser


class _Action(Parser):
    def __init__(self, *, prog: str) -> None:
        super().__init__(prog.removeprefix("evenstock "), "")


def _about_one(parser: Parser) -> Parser:
    parser.add_argument("shop", metavar="SHOP")
    return parser


def _take_terms(parser: Parser, *, needs_name: bool) -> None:
    parser.add_argument("--name", required=needs_name, help="what people call it")
    parser.add_argument(
        "--orders-known",
        type=_orders_known,
        metavar="at_shipping|at_once|MINUTES",
        help="when it knows of our orders: at_shipping unless said otherwise",
    )
    parser.add_argument(
        "--when-stale", choices=WHEN_STALE, help="its levels once it could not be read for too long"
    )


def _orders_known(text: str) -> str:
    if text in {"at_shipping", "at_once"} or (
        text.isdecimal() and text.isascii() and int(text) <= MOST_MINUTES
    ):
        return text
    raise ArgumentTypeError(f"{text} is neither at_shipping, at_once nor minutes up to {MOST_MINUTES}")


def _terms(options: Any) -> Terms:  # noqa: ANN401 - argparse's own
    if options.name is not None and not options.name.strip():
        raise ConfigurationError("partners: --name must not be empty")
    return Terms(options.name, options.orders_known, options.when_stale)


def _say(text: str) -> int:
    out().print(printable(text), markup=False, soft_wrap=True)
    return 0


# ------------------------------------------------------------------ actions


def _add(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    Vault(settings.evenstock_secret_key)
    partner = described(settings, ledger, options.shop, _terms(options))
    if options.consent:
        stored = ledger.add_partner(partner)
        return _say(f"{stored.shop_domain} is stored. Next: evenstock partners consent {stored.shop_domain}")
    stored, facts = add_with_token(settings, ledger, partner, SecretStr(_read_secret("Access token: ")))
    _say(_who(stored, facts))
    return _say(f"Next: evenstock mappings propose {stored.shop_domain}")


def _who(partner: Partner, facts: ShopFacts) -> str:
    less = ", ".join(sorted(frozenset(SCOPES) - facts.scopes))
    more = ", ".join(sorted(scope for scope in facts.scopes if scope.startswith("write_")))
    return (
        f"{partner.shop_domain} says it is {facts.name} ({facts.domain}); its token is kept encrypted."
        + (f" Not granted: {less}; only sums over all locations may be readable." if less else "")
        + (f" It grants more than is needed: {more}." if more else "")
    )


def _read_secret(prompt: str) -> str:
    """One line that nobody sees. Raises ConfigurationError if it cannot be a secret."""
    text = (getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not _SECRET.fullmatch(text):
        raise ConfigurationError("partners add: the token is read from standard input, and there is none")
    return text


def _change(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    partner = the_partner(ledger, settings.shop, options.shop)
    ledger.add_partner(changed(partner, _terms(options)))
    return _say(f"{partner.shop_domain} is changed.")


def _consent(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    partner = the_partner(ledger, settings.shop, options.shop)
    asked = question(settings, ledger, partner, options.redirect)
    _say(f"Let the owner of {partner.display_name} open this link and consent:")
    print(asked.link, flush=True)  # noqa: T201 - whole, however long
    _say("Then enter the code, or the whole address that the browser was sent to:")
    sys.stdout.flush()
    answer = (getpass("") if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not answer:
        raise ConfigurationError("partners consent: no code was entered; the link stays good, run this again")
    return _say(_who(partner, consented(settings, ledger, asked, answer)))


def _switch(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    partner = the_partner(ledger, settings.shop, options.shop)
    is_active = options.action == "enable"
    ledger.switch_partner(settings.shop, partner.id or 0, is_active=is_active)
    if not is_active:
        clear(ledger, settings, settings.shop, scope_of(partner))
    return _say(
        f"{partner.shop_domain} {'takes part in syncs again' if is_active else 'takes part in no sync'}; "
        "its levels stay as they are until the next sync."
    )


def _remove(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    partner = the_partner(ledger, settings.shop, options.shop)
    forget(ledger, partner)
    clear(ledger, settings, settings.shop, scope_of(partner))
    return _say(
        f"{partner.shop_domain} is removed, and its secrets are deleted. Levels it fed stay as they are and "
        "remain its own until `evenstock levels own` moves them."
    )


def _rotate(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    del options
    count = ledger.rotate_secrets(Vault(settings.evenstock_secret_key), settings.now())
    return _say(
        f"{count} secrets were sealed anew. All are under the newest key now: the older ones may be taken "
        "out of EVENSTOCK_SECRET_KEY once no running process was started without the newest."
    )


# --------------------------------------------------------------------- list


def _list(settings: Settings, ledger: Ledger, options: Any) -> int:  # noqa: ANN401
    found = ledger.partners(settings.shop)
    secrets = frozenset(ledger.secret_names(settings.shop))
    counts = _mapped(ledger, settings.shop)
    wrong = told(ledger, "partner:", settings.shop)
    if options.as_json:
        say_json({"partners": [_as_json(each, secrets, counts) | _alerts(each, wrong) for each in found]})
        return 0
    table = Table(
        "partner",
        "name",
        "health",
        "last sync (UTC)",
        "mappings",
        "access",
        "",
        box=None,
        header_style="bold",
    )
    for each in found:
        health = each.inventory_sync_status or ""
        cells = (
            each.shop_domain,
            each.display_name,
            health or "never synced",
            _moment(each.last_inventory_sync),
        )
        more = (str(counts.get(each.id or 0, 0)), _access(each, secrets), _note(each))
        table.add_row(*(escape(printable(cell)) for cell in (*cells, *more)), style=_STYLES.get(health, ""))
    out().print(table if found else "There is no partner yet: evenstock partners add --shop … --name …")
    show(out(), wrong)
    return 0


def _alerts(partner: Partner, wrong: list[Alert]) -> JsonObject:
    scope = scope_of(partner)
    return {"alerts": [as_document(each) for each in wrong if each.cause.startswith(scope)]}


def _mapped(ledger: Ledger, account: str) -> dict[int, int]:
    """Active mappings by partner."""
    counts: dict[int, int] = {}
    for each in ledger.mappings(account):
        counts[each.partner_id] = counts.get(each.partner_id, 0) + each.is_active
    return counts


def _access(partner: Partner, secrets: frozenset[str]) -> str:
    if secret_of(partner, TOKEN) in secrets:
        return "token"
    return "consent" if secret_of(partner, PAIR) in secrets else "none"


def _note(partner: Partner) -> str:
    return "; ".join(filter(None, ("" if partner.is_active else "disabled", partner.last_error[:80])))


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""


def _as_json(partner: Partner, secrets: frozenset[str], counts: dict[int, int]) -> JsonObject:
    return {
        "shop_domain": partner.shop_domain,
        "display_name": partner.display_name,
        "is_active": partner.is_active,
        "access": _access(partner, secrets),
        "orders_known": partner.orders_known,
        "when_stale": partner.when_stale,
        "mappings": counts.get(partner.id or 0, 0),
        "inventory_sync_status": partner.inventory_sync_status,
        "last_inventory_sync": _iso(partner.last_inventory_sync),
        "last_attempt_at": _iso(partner.last_attempt_at),
        "last_error": partner.last_error or None,
        "created_at": _iso(partner.created_at),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


_ACTIONS: dict[str, Callable[[Settings, Ledger, Any], int]] = {
    "list": _list,
    "add": _add,
    "change": _change,
    "consent": _consent,
    "disable": _switch,
    "enable": _switch,
    "remove": _remove,
    "rotate-key": _rotate,
}
