"""What to know before the first run: the store, RMS and the settings, looked at without a write."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from connectors.errors import ConfigurationError, EvenstockError
from connectors.folding import fold
from connectors.ledger import open_ledger
from connectors.ledger.database import file_of
from connectors.records import Location, ShopFacts
from connectors.rms import RmsHealth
from connectors.settings import Settings
from connectors.shopify import Shopify
from tasks.channels import channels
from tasks.day import zone_of
from tasks.desk import SCOPES, open_rms, open_shop
from tasks.matching import ShopIndex, Sku
from tasks.start import chosen_location

LISTED = 5
"""How many examples a finding names."""


class Verdict(StrEnum):
    """Whether a run would start, and go well."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check."""

    verdict: Verdict
    text: str


_NO_LEDGER = Finding(Verdict.WARN, "ledger: not set up yet; `evenstock setup` or the first run does it")


# ------------------------------------------------------------------ errands


def examine(settings: Settings) -> list[Finding]:
    """Everything that can be looked at, whatever else is wrong."""
    findings = [*_of_settings(settings), *_guarded("ledger", lambda: _of_ledger(settings))]
    if _is_set(settings, "SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN"):
        findings += _guarded("store", lambda: _of_store(settings))
    if settings.rms_database_url:
        findings += _guarded("RMS", lambda: judge_rms(open_rms(settings).check()))
    return findings


def _guarded(what: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What a look showed; one that failed is a finding, and does not keep the others from being made."""
    try:
        return list(look())
    except EvenstockError as error:
        return [Finding(Verdict.FAIL, f"{what}: {' '.join(str(error).split())}")]


def _is_set(settings: Settings, *names: str) -> bool:
    try:
        settings.require(*names)
    except ConfigurationError:
        return False
    return True


def _of_settings(settings: Settings) -> Iterator[Finding]:
    try:
        settings.require("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN", "RMS_DATABASE_URL")
    except ConfigurationError as error:
        yield Finding(Verdict.FAIL, f"settings: {error}")
    else:
        yield Finding(Verdict.OK, "settings: all that the reverse stock sync needs are set")
    if not settings.evenstock_writes:
        yield Finding(Verdict.WARN, "settings: EVENSTOCK_WRITES=off, no run will change anything")
    if not settings.enable_reverse_stock_sync:
        yield Finding(Verdict.WARN, "settings: ENABLE_REVERSE_STOCK_SYNC=false, runs end at once")
    if settings.disable_external_calls:
        yield Finding(
            Verdict.FAIL, "settings: DISABLE_EXTERNAL_CALLS is set, the reverse sync will not start"
        )
    yield _of_alerts(settings)


def _of_alerts(settings: Settings) -> Finding:
    """Whether anybody hears of it when something goes wrong; nothing is sent."""
    known = channels(settings)
    if bool(settings.alert_email_to) != bool(settings.smtp_url):
        missing = "SMTP_URL" if settings.alert_email_to else "ALERT_EMAIL_TO"
        return Finding(Verdict.WARN, f"alerts: no mail is sent, as {missing} is not set")
    if not known:
        sentence = "alerts: nobody hears of what goes wrong; set ALERT_EMAIL_TO and SMTP_URL, or ALERT_BLOCKS"
        return Finding(Verdict.WARN, sentence)
    return Finding(Verdict.OK, f"alerts: sent by {', '.join(known)}")


def _of_ledger(settings: Settings) -> Iterator[Finding]:
    """The ledger as it is; one that is not there yet is not made."""
    url = settings.needed("EVENSTOCK_DATABASE_URL")
    file = file_of(url)
    if file and not file.exists():
        yield _NO_LEDGER
        return
    try:
        ledger = open_ledger(url, upgrade=False)
    except ConfigurationError as error:
        if "evenstock setup" not in str(error):
            raise
        yield _NO_LEDGER
    else:
        yield Finding(Verdict.OK, f"ledger: up to date ({ledger.database.name})")


def _of_store(settings: Settings) -> list[Finding]:
    shop = open_shop(settings, aside=True)
    with shop.http:
        try:
            facts = shop.facts()
        except EvenstockError as error:
            return [Finding(Verdict.FAIL, f"store: {' '.join(str(error).split())}")]
        findings = [
            *judge_token(facts),
            *judge_version(facts.version, settings.shopify_api_version),
            *judge_zone(facts.timezone, settings.reverse_sync_timezone, settings.now()),
        ]
        if "read_locations" in facts.scopes:
            findings += _guarded("location", lambda: _of_location(settings, shop))
        if "read_products" in facts.scopes:
            findings += _guarded("SKUs", lambda: judge_skus(list(shop.skus(None))))
    return findings


def _of_location(settings: Settings, shop: Shopify) -> Iterator[Finding]:
    places = shop.locations()
    return judge_location(places, chosen_location(places, settings.shopify_location_id))


# --------------------------------------------------------------- judgements


def judge_token(facts: ShopFacts) -> Iterator[Finding]:
    """Whether the token works, and for what."""
    yield Finding(Verdict.OK, f"token: accepted by {facts.name} ({facts.domain})")
    if missing := SCOPES - facts.scopes:
        yield Finding(Verdict.FAIL, f"scopes: {', '.join(sorted(missing))} missing; grant them to the app")
    else:
        yield Finding(Verdict.OK, f"scopes: {', '.join(sorted(SCOPES))}")
    if "read_orders" in facts.scopes:
        yield Finding(Verdict.OK, "scopes: read_orders")
    else:
        yield Finding(Verdict.WARN, "scopes: read_orders missing; no variant will be deleted without it")


def judge_version(served: str, asked: str) -> Iterator[Finding]:
    """Whether the store answers in the API version that was asked for."""
    if served == asked:
        yield Finding(Verdict.OK, f"API version: {served}")
    else:
        yield Finding(Verdict.FAIL, f"API version: {asked} was asked for, {served} is served")


def judge_zone(store: str, configured: str | None, now: datetime) -> Iterator[Finding]:
    """Whether days are counted in the store's zone; another zone must be the main sync's."""
    here, there = zone_of(configured or store), zone_of(store)
    if here is None:
        yield Finding(
            Verdict.FAIL,
            f"time zone: {store}, the store's, is not known on this machine: set REVERSE_SYNC_TIMEZONE",
        )
    elif configured is None or configured == store:
        yield Finding(
            Verdict.OK, f"time zone: {store}, the store's; the main sync must count its days in it too"
        )
    else:
        yield Finding(
            Verdict.WARN,
            f"time zone: REVERSE_SYNC_TIMEZONE is {configured}, the store's is {store} "
            f"({_clocks(now, here, there)}); it must be the zone of the main sync",
        )


def _clocks(now: datetime, here: ZoneInfo, there: ZoneInfo | None) -> str:
    if there is None:
        return "which is not known on this machine"
    ours, theirs = now.astimezone(here), now.astimezone(there)
    if ours.utcoffset() == theirs.utcoffset():
        return "the clocks agree now"
    return f"{ours:%H:%M} and {theirs:%H:%M} now"


def judge_location(places: Sequence[Location], chosen: Location) -> Iterator[Finding]:
    """Which location's stock will be kept."""
    others = [place.name for place in places if place.active and place.id != chosen.id]
    rest = f"; left alone: {_some(others)}" if others else ""
    yield Finding(Verdict.OK, f"location: {chosen.id} ({chosen.name}){rest}")


def judge_skus(pairs: Sequence[tuple[int, str | None]]) -> Iterator[Finding]:
    """Whether every variant of the store can be told by its SKU."""
    index = ShopIndex()
    for variant_id, sku in pairs:
        index.add(Sku(variant_id, sku))
    yield Finding(Verdict.OK, f"SKUs: {len(pairs)} variants in the store")
    if blank := sum(1 for _, sku in pairs if not fold(sku or "")):
        yield Finding(Verdict.WARN, f"SKUs: {blank} variants without one stay as they are")
    if index.twins:
        examples = [" = ".join(spellings.values()) for spellings in index.twins.values()]
        yield Finding(
            Verdict.WARN,
            f"SKUs: {len(index.twins)} belong to several variants and are refused: {_some(examples)}",
        )


def judge_rms(health: RmsHealth) -> Iterator[Finding]:
    """Whether RMS shows what is needed, and what in it is odd."""
    if not health.rows:
        yield Finding(Verdict.FAIL, "RMS: View_Items is empty; is this the right database?")
        return
    newest = f", last changed {health.newest:%Y-%m-%d %H:%M}" if health.newest else ""
    yield Finding(Verdict.OK, f"RMS: View_Items and Item can be read, {health.rows} rows{newest}")
    if health.collation:
        yield Finding(Verdict.OK, f"RMS: CCOD's collation: {health.collation}")
    odd = Counter(
        {
            "rows without a CCOD": health.blank_ccods,
            "rows without a SKU": health.blank_skus,
            "rows without an ItemID": health.no_item_id,
            "rows whose quantity is no number": health.unreadable,
            "rows with a quantity kept as text": health.text,
            "rows that changed while they were read": health.torn,
        }
    )
    for what, count in odd.items():
        if count:
            yield Finding(Verdict.WARN, f"RMS: {count} {what}")
    if health.twins:
        examples = [" = ".join(twins) for twins in health.twins]
        yield Finding(
            Verdict.WARN,
            f"RMS: {len(health.twins)} SKUs have several rows and are refused: {_some(examples)}",
        )
    if health.absent:
        yield Finding(
            Verdict.WARN, f"RMS: View_Items lacks columns that it usually has: {', '.join(health.absent)}"
        )


def _some(texts: Sequence[str]) -> str:
    rest = len(texts) - LISTED
    return ", ".join(texts[:LISTED]) + (f" and {rest} more" if rest > 0 else "")
