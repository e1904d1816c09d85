"""`evenstock emit`: tell Prefect what happened elsewhere, so that its automations act on it."""

from argparse import ArgumentTypeError
from datetime import date
from typing import TYPE_CHECKING

from connectors.settings import load_settings
from flows.cli.options import Parser, out

if TYPE_CHECKING:
    from connectors.records import JsonObject

EVENTS = {"main-sync-finished": "evenstock.main-sync.finished"}


def emit(arguments: list[str]) -> int:
    """Send one event about a shop to the configured Prefect API."""
    parser = Parser("emit", "Tell Prefect that something happened; its automations do the rest.")
    parser.add_argument("event", metavar="main-sync-finished")
    parser.add_argument("--shop", help="the store's short name; default: the configured one")
    parser.add_argument("--day", type=_day, metavar="YYYY-MM-DD", help="the day that the main sync marked")
    options = parser.parse_args(arguments)
    if options.event not in EVENTS:
        parser.error(f"there is no event {options.event}; events: {', '.join(EVENTS)}")
    shop = options.shop or load_settings().shop
    _send(EVENTS[options.event], shop, {"day": options.day.isoformat()} if options.day else {})
    out().print(f"Sent {EVENTS[options.event]} for {shop}.", markup=False)
    return 0


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is no day: write YYYY-MM-DD") from None


def _send(event: str, shop: str, payload: "JsonObject") -> None:
    """Send, and know that it was taken. Raises when no API is configured, or when it does not take it."""
    from prefect.events import Event  # noqa: PLC0415 - importing Prefect takes a second

    from flows.cli.orchestration import prefect_api  # noqa: PLC0415

    resource = {"prefect.resource.id": f"evenstock.shop.{shop}", "prefect.resource.name": shop}
    told = Event.model_validate({"event": event, "resource": resource, "payload": payload})
    with prefect_api() as client:
        # Prefect's own way, `emit_event`, waits for ever where the API refuses it.
        client.request("POST", "/events", json=[told.model_dump(mode="json")]).raise_for_status()
