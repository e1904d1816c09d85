"""Which variants may be deleted: only at a proved zero, and only when every check could be made."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.records import LevelsEverywhere, VariantFacts
from tasks.plan import Line, Outcome, by_product


@dataclass(frozen=True, slots=True)
class DeletionPolicy:
    """The merchant's choices. `zero_days`: how long RMS must have said zero. `allowance`: how many
    deletions are left to the account in these 24 hours.
    """

    zero_days: int = 0
    preserve_single_variant: bool = True
    allowance: int = 50


@dataclass(frozen=True, slots=True)
class Failed:
    """A candidate that stays, with the name of the check that kept it."""

    line: Line
    check: str


@dataclass(frozen=True, slots=True)
class Sifted:
    """Lines after the checks that need nothing but the plan, and why the others lost their candidacy.

    `archive`: products whose every variant would go, to be archived instead.
    """

    lines: tuple[Line, ...]
    failed: tuple[Failed, ...]
    archive: frozenset[int]


def sift(
    lines: Sequence[Line],
    policy: DeletionPolicy,
    *,
    zero_since: Mapping[int, datetime],
    now: datetime,
    variants: Mapping[int, int] | None = None,
) -> Sifted:
    """Sort out candidates by what the plan already tells; nothing is read.

    `zero_since` says, by inventory item id, since when RMS has said exactly zero. `variants` says how many
    variants each product has, for a plan that has only some of them; without it, those of the lines.
    """
    checks = {line.variant_id: _too_early(line, policy, zero_since, now) for line in _candidates(lines)}
    archive = _lone_variants(lines, checks, policy, variants or {})
    _over_allowance([line for line in lines if line.product_id not in archive], checks, policy.allowance)
    failed = tuple(
        Failed(line, checks[line.variant_id]) for line in _candidates(lines) if checks[line.variant_id]
    )
    return Sifted(tuple(_settled(line, checks) for line in lines), failed, archive)


def _candidates(lines: Iterable[Line]) -> Iterator[Line]:
    return (line for line in lines if line.zero_candidate and line.is_open)


def _too_early(line: Line, policy: DeletionPolicy, zero_since: Mapping[int, datetime], now: datetime) -> str:
    if not line.exact:
        return "not_exactly_zero"
    since = zero_since.get(line.item_id)
    is_long_enough = policy.zero_days == 0 or (since and now - since >= timedelta(days=policy.zero_days))
    return "" if is_long_enough else "zero_days"


def _lone_variants(
    lines: Sequence[Line], checks: dict[int, str], policy: DeletionPolicy, variants: Mapping[int, int]
) -> frozenset[int]:
    """Keep one variant of every product that would lose them all: Shopify never deletes the last."""
    archive = set()
    for product_id, siblings in by_product(lines).items():
        are_all = len(siblings) >= variants.get(product_id, 0)
        if not are_all or any(checks.get(line.variant_id, "stays") for line in siblings):
            continue
        if policy.preserve_single_variant:
            first = min(siblings, key=lambda line: (line.position, line.variant_id))
            checks[first.variant_id] = "only_variant"
        else:
            archive.add(product_id)
    return frozenset(archive)


def _over_allowance(lines: Sequence[Line], checks: dict[int, str], allowance: int) -> None:
    passing = [line.variant_id for line in _candidates(lines) if not checks[line.variant_id]]
    checks.update(dict.fromkeys(passing[max(0, allowance) :], "max_deletions"))


def _settled(line: Line, checks: Mapping[int, str]) -> Line:
    """A line that lost its candidacy is an ordinary one again; at zero already, it has nothing to do."""
    if not checks.get(line.variant_id):
        return line
    ordinary = line._replace(zero_candidate=False)
    return ordinary.ended(Outcome.UNCHANGED) if line.shown == line.wanted else ordinary


def failed_check(
    facts: VariantFacts | None,
    levels: LevelsEverywhere | None,
    *,
    sold_recently: AbstractSet[int] | None,
    siblings: int,
) -> str:
    """The first check that keeps a variant, in the order a person would ask; empty when it may go.

    Whatever could not be read is None and counts as no. `siblings`: variants the product has left.
    """
    if facts is None or levels is None or not levels.complete:
        return "check_failed"
    if sold_recently is None:
        return "orders_unreadable"
    checks = {
        "incoming_inventory": any(level.incoming for level in levels.levels),
        "stock_somewhere": any(
            level.on_hand or level.available or level.committed for level in levels.levels
        ),
        "recent_orders": facts.id in sold_recently,
        "only_variant": siblings < 2,
        "policy_continue": facts.policy != "DENY",
        "bundle": facts.is_bundle,
        "gift_card": facts.is_gift_card,
        "selling_plan": facts.selling_plans > 0,
        "snapshot_cut": not facts.is_whole,
    }
    return next((name for name, stands_in_the_way in checks.items() if stands_in_the_way), "")
