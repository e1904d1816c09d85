"""Begin a run: check the parameters, the settings and the store before anything is done."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from connectors.errors import ConfigurationError, ConnectorError, Unauthorised
from connectors.ledger import Ledger
from connectors.records import JsonObject, Location, ShopFacts
from connectors.settings import Settings
from connectors.shopify import Shopify
from tasks.day import day_of_run, zone_of
from tasks.desk import SCOPES


@dataclass(frozen=True, slots=True)
class Timing:
    """When a run was meant to start, and when it did."""

    scheduled: datetime
    started: datetime


def the_store(settings: Settings, shop: Shopify) -> ShopFacts:
    """Who the store is. Raises ConfigurationError, in one sentence, for what a person has to mend."""
    try:
        facts = shop.facts()
    except Unauthorised as error:
        raise ConfigurationError(
            f"Shopify refuses the access token of {settings.shop}: check SHOPIFY_ADMIN_TOKEN ({error})"
        ) from None
    if missing := SCOPES - facts.scopes:
        raise ConfigurationError(
            f"the token of {settings.shop} lacks scopes: {', '.join(sorted(missing))}; grant them to the app"
        )
    return facts


def the_location(settings: Settings, shop: Shopify, ledger: Ledger, account: str, now: datetime) -> int:
    """The location whose stock is kept: the configured one, else the only active one.

    The one in use is remembered; another one is refused until `evenstock setup --confirm-location`.
    """
    chosen = chosen_location(shop.locations(), settings.shopify_location_id)
    used = ledger.use_location("shopify", account, chosen.id, now)
    if used != chosen.id:
        raise ConfigurationError(
            f"the location was {used} and is now {chosen.id} ({chosen.name}): every level would be compared "
            "with another place; confirm it with `evenstock setup --confirm-location`"
        )
    return used


def chosen_location(locations: list[Location], wanted: int | None) -> Location:
    """The location to work at. Raises ConfigurationError that lists those there are."""
    active = [place for place in locations if place.active]
    known = ", ".join(f"{place.id} ({place.name})" for place in active)
    if wanted is None:
        if len(active) == 1:
            return active[0]
        raise ConfigurationError(f"set SHOPIFY_LOCATION_ID to one of the store's active locations: {known}")
    for place in active:
        if place.id == wanted:
            return place
    raise ConfigurationError(
        f"SHOPIFY_LOCATION_ID {wanted} is not an active location of the store; those are: {known}"
    )


def the_day(asked: date | None, timing: Timing, zone: ZoneInfo) -> date:
    """The day the run works for. Raises ConfigurationError for one that has not come yet."""
    today = timing.started.astimezone(zone).date()
    if asked is not None and asked > today:
        raise ConfigurationError(f"day {asked} is in the future: today is {today} in {zone.key}")
    return asked or day_of_run(timing.scheduled, timing.started, zone)


def the_zone(settings: Settings, facts: ShopFacts) -> ZoneInfo:
    """The zone that days are counted in: the configured one, else the store's.

    Raises ConfigurationError for one that this machine does not know.
    """
    zone = zone_of(settings.reverse_sync_timezone or facts.timezone)
    if zone is None:
        raise ConfigurationError(
            f"the store's time zone {facts.timezone!r} is not known on this machine: "
            "set REVERSE_SYNC_TIMEZONE"
        )
    return zone


def refusal(error: ConnectorError) -> JsonObject:
    """An error as the report shows it."""
    return {"code": type(error).__name__, "message": str(error)}
