"""`evenstock webhooks`: receive what Shopify says has changed, and tell Shopify where to say it."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from pathlib import Path
from urllib.parse import urlsplit

from connectors.errors import ConfigurationError, EvenstockError, Transient
from connectors.http import Http
from connectors.ledger import SyncType
from connectors.redaction import one_line
from connectors.settings import Settings, child_environment, is_loopback, load_settings
from connectors.shopify import hooks
from flows.cli.children import Family, PrefectServer, family, free_port
from flows.cli.options import Parser, out
from flows.cli.page import section
from flows.cli.stopping import told_to_stop
from flows.receiver import PATH, Receiver, Server
from tasks.desk import open_shop
from tasks.inbox import Inbox, Worker
from tasks.looking import Refresh, looking

ACTIONS = ("listen", "subscribe", "list", "unsubscribe")
PORT = 8720
KEEP = 600.0
"""Seconds between two looks at whether Shopify still sends: after eight failures in a row it does not."""
FINISH = 60.0
"""Seconds that a receiver which is told to stop gives to what waits."""

logger = logging.getLogger(__name__)

GID = "gid://shopify/WebhookSubscription/"


def webhooks(arguments: list[str]) -> int:
    """Listen for web hooks until told to stop, or look after the subscriptions to them."""
    options = _options(arguments)
    settings = load_settings()
    settings.require("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN")
    if settings.disable_external_calls:
        raise ConfigurationError(
            "webhooks: DISABLE_EXTERNAL_CALLS is set, so no store is asked or listened to"
        )
    if options.action == "listen":
        with _prefect():
            return listen(settings, options, _refresh())
    http = open_shop(settings).http
    if options.action == "subscribe":
        return _subscribe(http, options.address)
    return _list(http) if options.action == "list" else _unsubscribe(http, options.ids, options.address)


class _Options:
    """What was asked for."""

    def __init__(self) -> None:
        self.action = "listen"
        self.ids: list[str] = []
        self.host = "127.0.0.1"
        self.port = PORT
        self.address = ""


def _options(arguments: list[str]) -> _Options:
    parser = Parser("webhooks", "Receive Shopify's web hooks, and look after the subscriptions to them.")
    parser.add_argument("action", nargs="?", metavar="subscribe|list|unsubscribe", help="else: listen")
    parser.add_argument("ids", nargs="*", metavar="ID", help="unsubscribe: numbers or gids, as `list` says")
    parser.add_argument("--port", type=int, help=f"where to listen ({PORT}; 0 picks a free port)")
    parser.add_argument("--host", help="where to listen (127.0.0.1, behind a proxy that speaks https)")
    parser.add_argument(
        "--address", help=f"what Shopify calls: https://…{PATH}; when listening: see to it that it does"
    )
    found = parser.parse_args(arguments, namespace=_Options())
    found.action = found.action or "listen"
    if found.action not in ACTIONS:
        parser.error(f"there is no action {found.action}; actions: {', '.join(ACTIONS[1:])}")
    if found.address or found.action == "subscribe":
        found.address = _address(found.address)
    if found.ids and found.action != "unsubscribe":
        parser.error(f"{found.action} takes no {found.ids[0]}")
    if found.action == "unsubscribe" and not (found.ids or found.address):
        parser.error("unsubscribe needs the ID of a subscription, or --address")
    if not 0 <= found.port <= 65_535:
        parser.error(f"--port must be between 0 and 65535, not {found.port}")
    return found


def _address(text: str) -> str:
    """Where Shopify is to send to: https, or http to this machine; without a path, ours."""
    try:
        parts = urlsplit(text.strip())
        is_ours = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))
    except ValueError:
        is_ours = False
    if not is_ours or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ConfigurationError("webhooks: --address must be https://…, without user name or query")
    return parts._replace(path=PATH).geturl() if parts.path in {"", "/"} else parts.geturl()


# ------------------------------------------------------------------- listen


def listen(settings: Settings, options: _Options, refresh: Refresh) -> int:
    """Receive web hooks until SIGTERM or Ctrl-C, then look at what waits. 1 if anything is left."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s  %(message)s")
    inbox = Inbox(settings.shopify_webhook_queue)
    receiver = Receiver(settings.shop, hooks.Seal(settings.webhook_secrets), inbox)
    server = Server(receiver, options.host, options.port)
    worker = Worker(inbox, looking(settings, refresh), gather=settings.shopify_webhook_gather_seconds)
    with told_to_stop() as stop:
        worker.start()
        server.start()
        _keep_subscribed(settings, options.address, stop)
        _say(f"Web hooks of {settings.shop} are received at {server.address}")
        _say("ready")
        while server.is_alive() and not stop.wait(0.5):
            """Nothing to do but to look after the server."""
        server.stop()
        done = worker.finish(FINISH)
    for answer, times in receiver.counts().items():
        _say(f"answered {answer}: {times}")
    if not done:
        _say(f"Not looked at: {worker.unfinished()} things; the next scheduled refresh will.")
    return 0 if done and stop.is_set() else 1


def _say(line: str) -> None:
    """One line at once, as whoever started us waits for it."""
    with suppress(BrokenPipeError):
        print(line, flush=True)  # noqa: T201


def _keep_subscribed(settings: Settings, address: str, stop: threading.Event) -> None:
    """Have Shopify send to an address, now and whenever it has stopped, from a thread that ends with us."""

    def keep() -> None:
        http = open_shop(settings).http
        while True:
            try:
                for each in hooks.subscribe(http, address):
                    logger.debug("subscribed: %s", _line(each))
            except EvenstockError as error:
                logger.warning("web hooks: cannot see to the subscriptions: %s", one_line(str(error)))
            if stop.wait(KEEP):
                return

    if address:
        threading.Thread(target=keep, name="subscriptions", daemon=True).start()


@contextmanager
def _prefect() -> Iterator[None]:
    """Prefect's API as configured, else a server of our own for as long as we listen."""
    # Prefect reads its settings when it is imported, and that takes a second.
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415

    from flows.cli.run import quieten, with_api  # noqa: PLC0415

    quieten()
    if PREFECT_API_URL.value():
        yield
        return
    with family() as children:
        server = PrefectServer(children, home=None)
        server.wait()
        with with_api(server.api):
            yield


def _refresh() -> Refresh:
    """Refresh products as one run of the flow for web hooks. Raises Transient when it was not made."""
    from flows.inventory_refresh import refresh  # noqa: PLC0415

    # Which API is talked to belongs to the context, and the thread that refreshes has one of its own.
    context = copy_context()

    def run(products: list[int]) -> None:
        report = context.run(refresh, products, SyncType.WEBHOOK, "webhook")
        refused = section(report, "error")
        if refused:
            raise Transient(f"{refused.get('code')}: {refused.get('message')}")

    return run


def start_receiver(children: Family, settings: Mapping[str, str], folder: Path) -> str:
    """Start a receiver as a child, and have the store send to it. Its address. Raises ChildFailed.

    `settings` point at the store and at Prefect's API; only a stand-in on this machine can send here.
    """
    port = free_port(PORT)
    address = f"http://127.0.0.1:{port}{PATH}"
    arguments = ["flows", "webhooks", "--port", str(port), "--address", address]
    receiver = children.start(
        "the receiver of web hooks", arguments, child_environment(settings, clean=True), folder
    )
    receiver.wait_until(lambda: "ready" in receiver.said().splitlines(), 60)
    return address


# ------------------------------------------------------------- subscriptions


def _subscribe(http: Http, address: str) -> int:
    for each in hooks.subscribe(http, address):
        out().print(_line(each), markup=False, soft_wrap=True)
    return 0


def _list(http: Http) -> int:
    found = hooks.subscriptions(http)
    for each in found:
        out().print(_line(each), markup=False, soft_wrap=True)
    if not found:
        out().print("There are no subscriptions.")
    return 0


def _unsubscribe(http: Http, given: Sequence[str], address: str) -> int:
    ids = [each if each.startswith(GID) else f"{GID}{each}" for each in given]
    if address:
        ids += [each.id for each in hooks.subscriptions(http) if each.address == address]
    for each in ids:
        hooks.unsubscribe(http, each)
        out().print(f"Ended {each.removeprefix(GID)}.", markup=False)
    return 0


def _line(each: hooks.Subscription) -> str:
    return f"{each.id.removeprefix(GID)}  {each.topic}  {each.address}"
