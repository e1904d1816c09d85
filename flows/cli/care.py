"""`evenstock check|setup`: before the first run, and after a change that a person has to confirm."""

from collections.abc import Iterator

from rich.markup import escape

from connectors.ledger import Ledger
from connectors.settings import Settings, load_settings
from flows.cli.options import USAGE, Parser, out, say_json
from flows.cli.orchestration import arrange
from tasks.check import Finding, Verdict, examine
from tasks.desk import ledger_of, open_shop
from tasks.start import chosen_location, the_location, the_store

_STYLES = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "red bold"}


def check(arguments: list[str]) -> int:
    """Look at the store, RMS and the settings, and write nothing anywhere."""
    parser = Parser("check", "Look at everything before the first run; nothing is written.")
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args(arguments)
    findings = examine(load_settings())
    if options.as_json:
        say_json({"findings": [{"verdict": each.verdict.value, "text": each.text} for each in findings]})
    else:
        _print(findings)
    return USAGE if any(each.verdict is Verdict.FAIL for each in findings) else 0


def _print(findings: list[Finding]) -> None:
    console = out()
    for each in findings:
        style = _STYLES[each.verdict]
        console.print(f"[{style}]{each.verdict.value:<5}[/]{escape(each.text)}", soft_wrap=True)


def setup(arguments: list[str]) -> int:
    """Bring the ledger and Prefect up to date; with `--confirm-location`, take another location into use."""
    parser = Parser("setup", "Bring the ledger and Prefect up to date. May be run again at any time.")
    parser.add_argument(
        "--confirm-location",
        action="store_true",
        help="from now on keep the stock of the configured location",
    )
    parser.add_argument(
        "--deploy",
        action="store_true",
        help="first make the work pool and deploy everything in prefect.yaml",
    )
    options = parser.parse_args(arguments)
    settings = load_settings()
    ledger = ledger_of(settings)
    out().print(f"Ledger: up to date ({ledger.database.name})", markup=False, soft_wrap=True)
    if settings.shopify_store_domain or options.confirm_location:
        out().print(_set_location(settings, ledger, is_confirmed=options.confirm_location), markup=False)
    for sentence in (*(_deployed() if options.deploy else ()), *arrange(settings)):
        out().print(sentence, markup=False, soft_wrap=True)
    out().print("Runs are carried out by workers: prefect worker start --pool evenstock", markup=False)
    return 0


def _deployed() -> Iterator[str]:
    from flows.cli.deploying import deploy  # noqa: PLC0415 - importing Prefect's deploy command takes a second

    return deploy()


def _set_location(settings: Settings, ledger: Ledger, *, is_confirmed: bool) -> str:
    """The location in use from now on. Raises ConfigurationError when it is another one and not confirmed."""
    shop = open_shop(settings)
    with shop.http:
        the_store(settings, shop)
        now = settings.now()
        if not is_confirmed:
            return f"Location: {the_location(settings, shop, ledger, settings.shop, now)}"
        chosen = chosen_location(shop.locations(), settings.shopify_location_id)
        ledger.confirm_location("shopify", settings.shop, chosen.id, now)
    return f"Location: {chosen.id} ({chosen.name}), confirmed"
