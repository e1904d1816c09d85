"""How a partner is: healthy, warning or failed, and what people should hear of. A judgement, no more."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.errors import ConfigurationError, EvenstockError, NeedsConsent, Transient, Unauthorised
from connectors.ledger.records import Partner, SyncLog
from connectors.records import JsonObject
from tasks.alarm import Cause

ROW = 3
"""So many runs in a row in which more than half of the items failed are a failure of the partner."""

NAMED = 20
"""Variants that a message names; the sync log has them all."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a partner's sync found, beside its row in the sync log.

    `error`: why the partner could not be read. `gone`: its variants that are gone, archived, drafted or not
    stocked where it counts, each as people know it. `conflicts`, `held`: lines that ended so. `units`: what
    is on sale of its goods, as far as is known. `unverified`: of levels for whose variants its store gave no
    number, though it answered, the units on sale and since when that is so.
    """

    error: EvenstockError | None = None
    gone: Sequence[str] = ()
    conflicts: int = 0
    held: int = 0
    units: int = 0
    unverified: Sequence[tuple[int, datetime]] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """`status` is the partner's `inventory_sync_status`; `causes` are for people to hear of."""

    status: str
    causes: tuple[Cause, ...] = ()


def scope_of(partner: Partner) -> str:
    """What the keys of all causes of this partner begin with."""
    return f"partner:{partner.shop_domain}:"


def health(
    partner: Partner, logs: Sequence[SyncLog], found: Findings, now: datetime, stale_after: timedelta
) -> Health:
    """How a partner is after a sync.

    `logs`: its last syncs, newest first, this one included. `partner`: as it was before this sync.
    """
    refused = _refused(partner, found.error)
    broken = _broken(partner, logs)
    causes = [*refused, *broken, *_gone(partner, found), *_stale(partner, found, now, stale_after)]
    if found.error or broken:
        return Health("failed", tuple(causes))
    newest = logs[0].items_failed if logs else 0
    is_troubled = bool(newest or found.conflicts or found.held or found.gone or found.unverified)
    return Health("warning" if is_troubled else "healthy", tuple(causes))


def unexplained(results: Sequence[JsonObject], failed: Container[str], alerted: Container[str]) -> list[str]:
    """Partners whose sync broke off, each told with why, but for those that people heard of already.

    `results`: of a run's partners, as its report has them. `failed`, `alerted`: shop domains of partners that
    count as failed, and of those with an alert of their own. Single items that failed are no alert.
    """
    return [
        str(each["message"])
        for each in results
        if not each["success"]
        and each["partnerShop"] not in alerted
        and (each["partnerShop"] in failed or not each["itemsProcessed"])
    ]


def _refused(partner: Partner, error: EvenstockError | None) -> list[Cause]:
    """Why the partner could not be read."""
    if error is None:
        return []
    kind, sentence, advice = _kind(error)
    shop = partner.shop_domain
    lines = [f"{_named(partner)}: {sentence}", "", str(error), "", advice.format(shop=shop)]
    lines.append("Its levels in the own store stay as they are until it can be read again.")
    return [Cause(f"{scope_of(partner)}{kind}", "\n".join(lines))]


def _kind(error: EvenstockError) -> tuple[str, str, str]:
    """What went wrong in one word and one sentence, and what to do about it."""
    if isinstance(error, NeedsConsent):
        return "token", "its owner has to consent anew", "Run: evenstock partners consent {shop}"
    if isinstance(error, Unauthorised):
        advice = "Run: evenstock partners add --shop {shop} … with a new token, or partners consent {shop}"
        return "token", "its access token is revoked or invalid", advice
    if isinstance(error, Transient):
        return "unreachable", "its store cannot be reached", "Nothing to do if its store is back soon."
    if isinstance(error, ConfigurationError):
        return "settings", "it cannot be synced with these settings", "Mend the setting that is named above."
    return (
        "unreadable",
        "its store's answers make no sense",
        "Look at {shop} in the sync logs: evenstock partners list",
    )


def _broken(partner: Partner, logs: Sequence[SyncLog]) -> list[Cause]:
    """Too much failed too often. Runs that could read nothing say nothing about items."""
    counted = [log for log in logs if log.items_processed and log.completed_at][:ROW]
    if len(counted) < ROW or not all(_is_bad(log) for log in counted):
        return []
    newest = counted[0]
    sentence = (
        f"{_named(partner)}: more than half of its items failed {ROW} times in a row\n\n"
        f"Last time {newest.items_failed} of {newest.items_processed} items failed."
    )
    return [Cause(f"{scope_of(partner)}items", sentence)]


def _is_bad(log: SyncLog) -> bool:
    return 2 * log.items_failed > log.items_processed


def _gone(partner: Partner, found: Findings) -> list[Cause]:
    """Variants that the partner took out of its store."""
    gone = sorted(set(found.gone))
    if not gone:
        return []
    named = [f"- {each}" for each in gone[:NAMED]]
    rest = [f"… and {len(gone) - NAMED} more"] if len(gone) > NAMED else []
    which = f"{len(gone)} of its variants are gone, archived, drafted or not stocked where it counts"
    title = f"{_named(partner)}: {which}"
    return [Cause(f"{scope_of(partner)}gone", "\n".join([title, "", *named, *rest]), subjects=gone)]


def _stale(partner: Partner, found: Findings, now: datetime, stale_after: timedelta) -> list[Cause]:
    """What could not be verified for too long, while it is on sale: all of the partner's goods, or some."""
    whole = [(found.units, partner.last_inventory_sync or partner.created_at)]
    some = [each for each in found.unverified if each[0]]
    late = [each for each in (whole if found.error else some) if now - each[1] >= stale_after]
    if not late:
        return []
    units, last = sum(count for count, _ in late), min(since for _, since in late)
    hours = int((now - last).total_seconds() // 3600)
    becomes = "they stay on sale" if partner.when_stale == "keep" else "they are taken to zero"
    title = f"{_named(partner)}: {units} units are on sale unverified for {hours} hours"
    text = (
        f"Its stock was last seen {last:%Y-%m-%d %H:%M} UTC; as it is set ({partner.when_stale}), {becomes}."
    )
    return [Cause(f"{scope_of(partner)}stale", f"{title}\n\n{text}")]


def _named(partner: Partner) -> str:
    return f"Partner {partner.display_name} ({partner.shop_domain})"
