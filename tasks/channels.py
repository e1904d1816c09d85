"""The ways to people: mail, Prefect's notification blocks, and events for its automations."""

import asyncio
import contextvars
import inspect
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from uuid import uuid4

from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.events import Event
from prefect.settings import PREFECT_API_URL

from connectors import mail
from connectors.errors import ConfigurationError, ConnectorError, EvenstockError, Refused
from connectors.ledger import Alert, Ledger
from connectors.records import JsonObject
from connectors.redaction import one_line
from connectors.settings import Settings
from tasks.alarm import Notice, Word
from tasks.lease import clock, held

logger = logging.getLogger("evenstock.alerts")

MAIL = "mail"
"""The channel that is no block."""

PATIENCE = 30.0
"""Seconds that one notice may take; whatever is slower counts as not delivered."""

OCCASION = 60.0
"""Seconds after which an occasion begins no further notice: a sync does not wait for a mail server."""

QUEUE = 4
"""Notices of one cause that wait for a channel. Beyond, a cause that comes back takes the word that it is
well again out of the queue: what people read last is true."""

TURN = 5.0
"""Seconds to wait for another process that is handing notices over."""


SLOW = 5.0
"""Seconds after which a failure was a slow one."""

REST = 120.0
"""Seconds for which this process leaves a channel alone that failed slowly: thirty partners' syncs would each
wait for it."""

_resting: dict[str, float] = {}


def channels(settings: Settings) -> list[str]:
    """Where alerts go: `mail`, and blocks by their names."""
    by_mail = [MAIL] if settings.alert_email_to and settings.smtp_url else []
    return [*by_mail, *settings.alert_blocks]


def send(settings: Settings, channel: str, notice: Notice) -> None:
    """Hand one notice over. Raises EvenstockError, without any secret, if it was not taken in time."""
    if channel == MAIL:
        url, to = settings.needed("SMTP_URL"), settings.alert_email_to
        _in_time(partial(mail.send, url, to, notice.subject, notice.text), MAIL, PATIENCE)
    else:
        _in_time(partial(_notify, channel, notice), channel, PATIENCE)


def _notify(name: str, notice: Notice) -> None:
    """Through a notification block: https://docs.prefect.io/v3/concepts/blocks."""
    block = Block.load(name)
    if not isinstance(block, NotificationBlock):
        raise ConfigurationError(f"ALERT_BLOCKS: {name} is no notification block")
    with block.raise_on_failure():
        answer: object = block.notify(notice.text, notice.subject)
        if inspect.isawaitable(answer):
            asyncio.run(_awaited(answer))


async def _awaited(answer: Awaitable[object]) -> None:
    """A block of one's own may be asynchronous only."""
    await answer


def _in_time(work: Callable[[], object], what: str, seconds: float) -> None:
    """Do something that may take for ever, or fail in any way, with an end to it."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - whatever a block or Prefect's API raises
            failures.append(error)

    # A thread of its own has no event loop, so that Prefect's functions wait for their end.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(run,), name=what, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise ConnectorError(f"{what} did not answer within {seconds:g} seconds", system=what)
    for error in failures:
        if isinstance(error, EvenstockError):
            raise error
        raise ConnectorError(one_line(f"{type(error).__name__}: {error}"), system=what) from None


# ---------------------------------------------------------------- delivery


def addressed(settings: Settings, alert: Alert, notice: Notice, word: Word) -> list[JsonObject]:
    """An alert's undelivered notices with this one for each channel."""
    waiting = list(alert.undelivered)
    for channel in channels(settings):
        content = {"subject": notice.subject, "text": notice.text, "word": word.value}
        waiting = _queued(waiting, channel, {"to": channel, **content}, word)
    return waiting


def _queued(waiting: list[JsonObject], channel: str, notice: JsonObject, word: Word) -> list[JsonObject]:
    """A reminder adds nothing where something waits already; what comes and goes does not fill the queue."""
    queue = [each for each in waiting if each["to"] == channel]
    if queue and word is Word.STILL:
        return waiting
    if len(queue) >= QUEUE and word is Word.FIRST:
        return [each for each in waiting if each is not queue[-1]]
    return [*waiting, notice]


def deliver(ledger: Ledger, settings: Settings) -> int:
    """Hand over what waits, of all accounts; how many notices still do.

    One process at a time; what fails stays for the next occasion, and is a line in the log. A notice that is
    declined for what it says keeps only those of its own cause back.
    """
    shut = _Shut({channel for channel, until in _resting.items() if time.monotonic() < until})
    if not _waiting(ledger, settings, shut):
        return len(_waiting(ledger, settings)) if shut.channels else 0
    until = clock() + timedelta(seconds=OCCASION)
    with _turn(ledger) as is_ours:
        while is_ours and clock() < until and (waiting := _waiting(ledger, settings, shut)):
            _hand_over(ledger, settings, *waiting[0], shut)
    return len(_waiting(ledger, settings))


@dataclass(frozen=True, slots=True)
class _Shut:
    """What an occasion leaves alone: whole channels, and causes (with account) of which one takes nothing."""

    channels: set[str] = field(default_factory=set)
    causes: set[tuple[str, str, str]] = field(default_factory=set)

    def keeps(self, alert: Alert, channel: str) -> bool:
        """Whether a notice has to wait."""
        return channel in self.channels or (channel, alert.account, alert.cause) in self.causes


_OPEN = _Shut()


def _waiting(ledger: Ledger, settings: Settings, shut: _Shut = _OPEN) -> list[tuple[Alert, JsonObject]]:
    known = set(channels(settings))
    return [
        (alert, notice)
        for alert in ledger.undelivered_alerts()
        for notice in alert.undelivered
        if notice.get("to") in known and not shut.keeps(alert, str(notice["to"]))
    ]


def _hand_over(ledger: Ledger, settings: Settings, alert: Alert, notice: JsonObject, shut: _Shut) -> None:
    channel = str(notice["to"])
    began = time.monotonic()
    try:
        send(settings, channel, Notice(str(notice["subject"]), str(notice["text"])))
    except EvenstockError as error:
        if isinstance(error, Refused):
            shut.causes.add((channel, alert.account, alert.cause))
        else:
            shut.channels.add(channel)
        if time.monotonic() - began > SLOW:
            _resting[channel] = time.monotonic() + REST
        logger.warning("an alert was not sent by %s, and is kept: %s", channel, error)
    else:
        ledger.delivered(alert.account, alert.cause, notice)


@contextmanager
def _turn(ledger: Ledger) -> Iterator[bool]:
    """Whether it is this process's turn. Whoever has it also sees what others store meanwhile."""
    resource, until = "alerts:delivery", clock() + timedelta(seconds=TURN)
    pause = threading.Event()
    while ledger.held_until(resource, clock()) and clock() < until:
        pause.wait(0.1)
    with held(ledger, [resource], str(uuid4()), 2 * PATIENCE) as hold:
        yield resource in hold.fences


# ------------------------------------------------------------------ events


def emit(name: str, account: str, payload: JsonObject) -> None:
    """An event on the account's resource, if there is a Prefect API to tell. Lost if it does not answer."""
    emit_about(
        {"prefect.resource.id": f"evenstock.shop.{account}", "prefect.resource.name": account}, name, payload
    )


def emit_about(resource: Mapping[str, str], name: str, payload: JsonObject) -> None:
    """The same on another resource of Prefect's."""
    if not PREFECT_API_URL.value():
        return
    event = Event.model_validate({"event": name, "resource": dict(resource), "payload": payload})
    try:
        _in_time(partial(_post, event), "Prefect", 5.0)
    except EvenstockError as error:
        logger.warning("the event %s was not taken: %s", name, error)


def _post(event: Event) -> None:
    # Prefect's own way, `emit_event`, waits for ever where the API refuses it.
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event.model_dump(mode="json")]).raise_for_status()
