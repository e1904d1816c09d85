"""`evenstock emit`: tell Prefect what happened elsewhere, so that its automations act on it."""

from argparse import ArgumentTypeError
from datetime import date
from typing import TYPE_CHECKING

from connectors.errors import EvenstockError
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
    """Send and wait until it is delivered. Raises when no API is configured, or when it does not answer."""
    from prefect.events import emit_event  # noqa: PLC0415 - importing Prefect takes a second
    from prefect.events.worker import EventsWorker  # noqa: PLC0415

    from flows.cli.orchestration import prefect_api  # noqa: PLC0415

    resource = {"prefect.resource.id": f"evenstock.shop.{shop}", "prefect.resource.name": shop}
    with prefect_api():
        if emit_event(event, resource=resource, payload=payload) is None:
            raise EvenstockError("Prefect did not take the event: see its log")
        worker = EventsWorker.instance()
        worker.wait_until_empty()
        worker.drain()
