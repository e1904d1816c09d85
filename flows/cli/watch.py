"""`evenstock watch`: a dead man's switch beside Prefect, which needs the ledger only."""

from rich.markup import escape

from connectors.errors import EvenstockError
from connectors.ledger import Alert
from connectors.redaction import one_line
from connectors.settings import Settings, load_settings
from flows.cli.options import Parser, out
from flows.cli.page import printable
from flows.cli.stopping import told_to_stop
from tasks import alarm, channels
from tasks.alarm import Cause, Word
from tasks.desk import ledger_of
from tasks.watcher import Look, look

EVERY = 300.0
"""Seconds from one look to the next."""


def watch(arguments: list[str]) -> int:
    """Look now and then whether every flow still has good runs, and tell people when one has not."""
    parser = Parser("watch", "Alert when a flow has had no good run for two and a half intervals.")
    parser.add_argument("--once", action="store_true", help="one look: exit status 1 if something is wrong")
    parser.add_argument("--every", type=float, default=EVERY, metavar="SECONDS", help=f"else: {EVERY:g}")
    options = parser.parse_args(arguments)
    if not 1 <= options.every <= 24 * 3600:
        parser.error("--every must be between 1 and 86400 seconds")
    settings = load_settings()
    if options.once:
        found = look(ledger_of(settings), settings)
        _say(found)
        return 0 if found.is_well else 1
    return _keep_looking(settings, options.every)


def _keep_looking(settings: Settings, every: float) -> int:
    """Until told to stop. What is wrong is said when it changes."""
    said: Look | None = None
    lost: Alert | None = None
    with told_to_stop() as stop:
        out().print(f"watching, every {every:g} seconds", markup=False)
        while not stop.is_set():
            try:
                found = look(ledger_of(settings), settings)
                _found_again(settings, lost)
                lost = None
                if said is None or _differs(found, said):
                    _say(found)
                said = found
            except EvenstockError as error:
                lost = _lost(settings, lost, "cannot read the ledger", str(error))
            except Exception as error:  # noqa: BLE001 - what nobody foresaw must not end the last one to look
                lost = _lost(settings, lost, "cannot look", f"{type(error).__name__}: {error}")
            stop.wait(every)
    return 0


def _differs(found: Look, said: Look) -> bool:
    return _keys(found) != _keys(said)


def _keys(found: Look) -> tuple[set[tuple[str, str]], bool]:
    return {(each.account, each.cause) for each in found.alerts}, bool(found.undelivered)


def _say(found: Look) -> None:
    for each in found.alerts:
        title = printable(each.message.partition("\n")[0])
        out().print(f"{each.first_seen_at:%Y-%m-%d %H:%M} {each.severity}: {escape(title)}", soft_wrap=True)
    if found.undelivered:
        out().print(f"{found.undelivered} notices could not be sent yet; they are kept and tried again")
    if found.is_well:
        out().print("All is well.")


# ------------------------------------------------- without the ledger


def _lost(settings: Settings, memory: Alert | None, what: str, error: str) -> Alert:
    """Nothing can be seen. What was told of it is remembered here, as long as this process lives."""
    title = f"evenstock watch {what}, so nobody knows whether flows run"
    cause = Cause("watch:ledger", f"{title}\n\n{one_line(error)}")
    alert, word = alarm.seen(memory, "ledger", cause, settings.now())
    out().print(f"{title}: {one_line(error)}", markup=False, soft_wrap=True)
    _tell(settings, alert, word)
    return alert


def _found_again(settings: Settings, memory: Alert | None) -> None:
    if memory is not None:
        _tell(settings, *alarm.gone(memory, settings.now()))


def _tell(settings: Settings, alert: Alert, word: Word) -> None:
    if word is Word.NOTHING:
        return
    for channel in channels.channels(settings):
        try:
            channels.send(settings, channel, alarm.notice(alert, word))
        except EvenstockError as error:
            out().print(f"{channel}: {one_line(str(error))}", markup=False, soft_wrap=True)
