"""Tell people what is wrong and what is well again: one mail a cause, and none of them is lost.

alerts.raise_causes(ledger, settings, account, causes)
alerts.clear(ledger, settings, account, scope, but=causes)

What is to be told is stored in the ledger first and handed over then; what cannot be handed over stays for
the next occasion, whoever's it is.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.logging.loggers import flow_run_logger
from prefect.utilities.urls import url_for

from connectors.errors import EvenstockError
from connectors.ledger import Alert, Ledger, Partner, Severity
from connectors.records import JsonObject
from connectors.redaction import redact
from connectors.settings import Settings, load_settings
from connectors.shape import as_list, as_object
from tasks import alarm, channels, queueing
from tasks.alarm import Cause, Word
from tasks.desk import ledger_of
from tasks.health import Health, scope_of, unexplained
from tasks.states import Reported
from tasks.watching import SILENT

MOST = 4_000
"""Characters of a message."""

NO_STORE = "no-store"
"""The account of runs that failed because no store is configured."""

Judged = tuple[Alert, Word]


def raise_causes(ledger: Ledger, settings: Settings, account: str, causes: Iterable[Cause]) -> None:
    """These are wrong with the account now; what people have not heard of lately is told.

    Raises what the ledger raises, and nothing else.
    """
    for cause in causes:
        store(ledger, settings, account, cause)
    channels.deliver(ledger, settings)


def clear(ledger: Ledger, settings: Settings, account: str, scope: str, *, but: Iterable[Cause] = ()) -> None:
    """Whatever is open of the account and begins with `scope` is well again, but for these causes.

    Raises what the ledger raises, and nothing else.
    """
    kept = {cause.key for cause in but}
    _clear(ledger, settings, account, lambda key: key.startswith(scope) and key not in kept)


def _clear(ledger: Ledger, settings: Settings, account: str, is_over: Callable[[str], bool]) -> None:
    for alert in ledger.alerts(account):
        if is_over(alert.cause):
            resolve(ledger, settings, alert)
    channels.deliver(ledger, settings)


def settle_partner(ledger: Ledger, settings: Settings, partner: Partner, health: Health) -> None:
    """Exactly these causes are there of a partner now: raise them, and clear what is over."""
    for cause in health.causes:
        store(ledger, settings, partner.account, cause)
    clear(ledger, settings, partner.account, scope_of(partner), but=health.causes)


def store(ledger: Ledger, settings: Settings, account: str, cause: Cause) -> None:
    """Remember that something is wrong, with what is to be told of it; nothing is handed over yet."""
    clean, now = replace(cause, message=redact(cause.message)[:MOST]), settings.now()
    _judge(ledger, settings, (account, cause.key), lambda known: alarm.seen(known, account, clean, now))


def resolve(ledger: Ledger, settings: Settings, alert: Alert) -> None:
    """Remember that something is well again, with what is to be told; nothing is handed over yet."""
    now = settings.now()
    _judge(ledger, settings, (alert.account, alert.cause), lambda known: alarm.gone(known or alert, now))


_EVENTS = {Word.FIRST: "evenstock.alert.raised", Word.WELL: "evenstock.alert.resolved"}


def _judge(
    ledger: Ledger, settings: Settings, key: tuple[str, str], judge: Callable[[Alert | None], Judged]
) -> None:
    """Judge one cause, and store with the judgement what is to be told of it."""

    def written(memory: Alert | None) -> tuple[Alert, tuple[Alert, Word]]:
        alert, word = judge(memory)
        if word is Word.NOTHING:
            return alert, (alert, word)
        waiting = channels.addressed(settings, alert, alarm.notice(alert, word), word)
        return replace(alert, undelivered=waiting), (alert, word)

    alert, word = ledger.judge_alert(*key, written)
    if word in _EVENTS:
        channels.emit(_EVENTS[word], alert.account, _payload(alert))


def _payload(alert: Alert) -> JsonObject:
    return {
        "cause": alert.cause,
        "severity": alert.severity.value,
        "message": alert.message,
        "first_seen_at": alert.first_seen_at.isoformat(),
        "resolved_at": alert.resolved_at.isoformat() if alert.resolved_at else None,
    }


# -------------------------------------------------------------------- runs

_ANSWERED = {"INVALID_PRODUCT_IDS", "REFRESH_COOLDOWN", "REFRESH_RUNNING"}
"""Codes of refusals that whoever asked reads in the answer: nothing is wrong with the flow."""


def tell(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A hook on a flow's final states: raises what failed, crashed or holds something, else clears it.

    Dry runs say nothing. Whatever goes wrong here is a line in the log: it never changes how the run ended.
    """
    if flow_run.parameters.get("dry_run") or _code(state) in _ANSWERED:
        return
    try:
        settings = load_settings()
        _settle_run(settings, flow.name, flow_run, state)
    except EvenstockError as error:
        flow_run_logger(flow_run, flow).log(
            logging.WARNING, "the alert about this run was not stored: %s", error
        )


def _settle_run(settings: Settings, flow: str, run: FlowRun, state: State[Any]) -> None:
    """A failed run says nothing about what an earlier one holds; any other says what is well again."""
    account = settings.shop if settings.shopify_store_domain else NO_STORE
    partner = _partner_of(settings, account, run)
    scope = f"{flow}:{account}:{partner}:" if partner else f"{flow}:{account}:"
    failed = Cause(f"{scope}failed", _text(run, state, str(state.name)))
    held = Cause(f"{scope}held", _text(run, state, "Held"), Severity.WARNING)
    causes = [] if state.is_completed() else [failed]
    by_supplier = _by_supplier(state, scope, run)
    try:
        ledger = ledger_of(settings)
        if results := _partner_results(state):
            # A variant that is gone explains no failure.
            keys = [each.cause for each in ledger.alerts(account) if not each.cause.endswith(":gone")]
            # What a partner's own run has told is not told by the run for all.
            apart = [] if partner else [key for key in keys if key.startswith(scope)]
            causes = _of_partners(ledger, account, failed, results, keys)
            causes += [held] if _holding(results, scope, apart) else []
        elif state.name == "Held" and not by_supplier:
            causes = [held]
        causes += [cause for cause in by_supplier.values() if cause]
        raise_causes(ledger, settings, account, causes)
        over = {key for key, cause in by_supplier.items() if cause is None}
        if state.is_completed() or results:
            over |= _over(scope, results, causes)
        _clear(ledger, settings, account, over.__contains__)
    except EvenstockError as error:
        # Without its memory every such run is told, which is better than none.
        _tell_at_once(settings, causes, error)
        raise


def _partner_of(settings: Settings, account: str, run: FlowRun) -> str:
    """The partner that a run was for. "": all, or one that there is not, as no good run of it would come."""
    name = str(run.parameters.get("partner") or "").strip().casefold()
    with suppress(EvenstockError):
        return name if name and ledger_of(settings).partner(account, name) else ""
    return name


def _partner_results(state: State[Any]) -> list[JsonObject]:
    found = state.result().get("partnerResults") if isinstance(state, Reported) else None
    return [as_object(each, "result") for each in as_list(found or [], "results")]


def _of_partners(
    ledger: Ledger, account: str, failed: Cause, results: list[JsonObject], keys: list[str]
) -> list[Cause]:
    """What nobody was told of with the partners' own causes."""
    partners = ledger.partners(account)
    broken = {each.shop_domain for each in partners if each.inventory_sync_status == "failed"}
    flow_scope = failed.key.removesuffix("failed")
    alerted = {
        each.shop_domain
        for each in partners
        if any(key.startswith((scope_of(each), f"{flow_scope}{each.shop_domain}:")) for key in keys)
    }
    told = unexplained(results, broken, alerted)
    return [replace(failed, message="\n".join([failed.message, "", *told]))] if told else []


def _holding(results: list[JsonObject], scope: str, apart: list[str]) -> bool:
    """Whether something is held that no partner's own run has told of."""
    return any(_holds(each) and f"{scope}{each['partnerShop']}:held" not in apart for each in results)


def _good(results: list[JsonObject]) -> dict[str, tuple[str, ...]]:
    """Of each partner that is well, what is over: also what was held, unless something is again."""
    return {
        str(each["partnerShop"]): ("failed",) if _holds(each) else ("failed", "held")
        for each in results
        if each["success"]
    }


def _holds(result: JsonObject) -> bool:
    return bool(as_object(result.get("balance", {}), "balance").get("held"))


_OF_FEEDING = {"held": ("Held", Severity.WARNING), "unfed": ("Not fed", Severity.CRITICAL)}


def _by_supplier(state: State[Any], scope: str, run: FlowRun) -> dict[str, Cause | None]:
    """What is wrong with what suppliers feed, after a run of the queue, by its key; None: nothing any more.

    The next run has other suppliers' jobs or none at all: what it does not feed, it says nothing of.
    """
    document = state.result() if isinstance(state, Reported) else {}
    if "jobs_processed" not in document:
        return {}
    found: dict[str, Cause | None] = {}
    for supplier, told in queueing.feeding(document).items():
        for kind, lines in told.items():
            word, severity = _OF_FEEDING[kind]
            text = "\n".join([_text(run, state, f"{word} (supplier {supplier})"), "", *lines])
            key = f"{scope}{supplier}:{kind}"
            found[key] = Cause(key, text, severity) if lines else None
    return found


def _over(scope: str, results: list[JsonObject], causes: list[Cause]) -> set[str]:
    """What a run ends of what it was told for, and of what runs for single partners were told for."""
    good = {f"{scope}{shop}:{kind}" for shop, kinds in _good(results).items() for kind in kinds}
    own = {f"{scope}{kind}" for kind in ("failed", "held", SILENT)}
    return (own | good) - {cause.key for cause in causes}


def _tell_at_once(settings: Settings, causes: Iterable[Cause], error: EvenstockError) -> None:
    for cause in causes:
        title, _, text = redact(cause.message).partition("\n")
        told = alarm.Notice(title, f"{title}\n{text}\n\nThe ledger cannot be used: {error}")
        for channel in channels.channels(settings):
            channels.send(settings, channel, told)


def _code(state: State[Any]) -> object:
    """The code of the error in the run's report, if there is one."""
    error = state.result().get("error") if isinstance(state, Reported) else None
    return error.get("code") if isinstance(error, dict) else None


def _text(run: FlowRun, state: State[Any], name: str) -> str:
    lines = [f"{name}: {run.name}", "", state.message or "", *_books(state)]
    address = url_for(run)
    return "\n".join([*lines, *(["", f"The run: {address}"] if address else [])])


def _books(state: State[Any]) -> list[str]:
    """The balance and the plan of the run's report, if there is one."""
    if not isinstance(state, Reported):
        return []
    report = state.result()
    balance = report.get("balance")
    counts = balance.items() if isinstance(balance, dict) else ()
    told = ["", *(f"{name.replace('_', ' ')}: {count}" for name, count in counts if count)]
    plans = as_list(report.get("plan_ids") or [report.get("plan_id")], "plans")
    for plan in filter(None, plans):
        told += [
            "",
            f"Look:  evenstock plans show {plan}",
            f"Apply: evenstock plans release {plan} --by NAME",
        ]
    return told
