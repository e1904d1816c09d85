"""What may be written: rules that refuse one line, and limits that hold a slice for a person."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tasks import collector
from tasks.diff import RMS
from tasks.plan import FED_ELSEWHERE, Line, Outcome

PARKED_AFTER = 3
"""The same error this often, with the same inputs, parks a line until its inputs change."""


THEIRS = frozenset({FED_ELSEWHERE, "other_truth"})
"""Reasons of lines whose level another truth feeds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may change without a person (interfaces.md, the settings of the same names)."""

    min_zero_count: int = 5
    max_zero_share: float = 0.25
    max_zero_count: int = 500
    max_fall_share: float = 0.5
    max_rise_factor: float = 5.0
    max_quantity: int = 1_000_000
    min_fall_units: int = 100
    min_rise_units: int = 500


@dataclass(frozen=True, slots=True)
class Memory:
    """What the ledger remembers of one level.

    `owner` is the truth that may write it, `rms_item_id` the RMS row it was first matched with.
    """

    owner: str | None = None
    rms_item_id: int | None = None
    error_count: int = 0
    error_fingerprint: str = ""


UNHEARD_OF = Memory()


@dataclass(frozen=True, slots=True)
class History:
    """What this flow did to the account in the 24 hours before, by inventory item id.

    `live`: units of levels seen above zero; `zeroed`: levels we took to zero; `falls` and `rises`: units
    we took or gave. What a person released is not in it.
    """

    live: Mapping[int, int] = field(default_factory=dict)
    zeroed: frozenset[int] = frozenset()
    falls: Mapping[int, int] = field(default_factory=dict)
    rises: Mapping[int, int] = field(default_factory=dict)


Rule = Callable[[Line, Memory, Limits], str]
"""A rule looks at one line and says, in a few words for a person, why not; or nothing."""


def passed_over(line: Line, memory: Memory) -> Line:
    """A line without CCOD whose level another truth feeds: RMS is not to know it, and nobody has to act."""
    if line.reason != "no_ccod" or memory.owner in (None, RMS):
        return line
    return line.ended(Outcome.UNKNOWN, FED_ELSEWHERE, memory.owner)


def other_truth(line: Line, memory: Memory, limits: Limits) -> str:
    """One level, one truth: whoever fed it first keeps it until a person moves it."""
    del limits
    taken = memory.owner not in (None, line.fed_by)
    return f"this level is fed by {memory.owner}, not by {line.fed_by}" if taken else ""


def rebound(line: Line, memory: Memory, limits: Limits) -> str:
    """A SKU that suddenly belongs to another RMS item is a renaming or a mistake: a person decides."""
    del limits
    moved = line.rms_item_id is not None and memory.rms_item_id not in (None, line.rms_item_id)
    return f"was RMS item {memory.rms_item_id}, now {line.rms_item_id}" if moved else ""


def max_quantity(line: Line, memory: Memory, limits: Limits) -> str:
    """More than anybody stocks is a typing error."""
    del memory
    return f"{line.wanted} is above {limits.max_quantity}" if line.wanted > limits.max_quantity else ""


RULES: Mapping[str, Rule] = {"other_truth": other_truth, "rebound": rebound, "max_quantity": max_quantity}


def fingerprint(line: Line) -> str:
    """The inputs of a line: while they stay the same, the same error would come again."""
    return f"{line.sku}|{line.truth}|{line.shown}|{line.wanted}"


@collector.paused()
def review(
    lines: Iterable[Line], limits: Limits, memories: Mapping[int, Memory], history: History
) -> list[Line]:
    """Give every open line that may not be written its verdict: refused, parked or held."""
    judged = [_judge(line, memories.get(line.item_id, UNHEARD_OF), limits) for line in lines]
    return _hold(judged, surprises(judged, limits, history))


def surprises(lines: Sequence[Line], limits: Limits, history: History) -> dict[str, str]:
    """The mass-change limits that this plan breaks, each with the figures that broke it.

    Levels that other truths feed do not count: beside many of them, no surprise of ours would be large.
    """
    ours = [line for line in lines if line.reason not in THEIRS]
    going = [line for line in ours if line.outcome is None]
    units = _units(ours, history)
    found = {
        "mass_zero": _mass_zero(going, _live(ours, history), limits, history),
        "mass_fall": _mass_fall(going, units, limits, history),
        "mass_rise": _mass_rise(going, units, limits, history),
    }
    return {name: why for name, why in found.items() if why}


def refuse(line: Line, memory: Memory, limits: Limits) -> Line:
    """The line, refused by the first rule that it breaks."""
    for name, rule in RULES.items():
        if why := rule(line, memory, limits):
            return line.ended(Outcome.REFUSED, name, why)
    return line


def _judge(line: Line, memory: Memory, limits: Limits) -> Line:
    if line.fed_by is None or line.outcome not in (None, Outcome.UNCHANGED):
        return line
    line = refuse(line, memory, limits)
    is_stuck = memory.error_count >= PARKED_AFTER and memory.error_fingerprint == fingerprint(line)
    if is_stuck and line.is_open:
        return line.ended(Outcome.PARKED, "same_error", f"failed {memory.error_count} times alike")
    return line


def _mass_zero(going: Sequence[Line], live: int, limits: Limits, history: History) -> str:
    zeroing = {line.item_id for line in going if line.is_zeroing} | history.zeroed
    is_many = len(zeroing) > limits.min_zero_count
    is_too_many = len(zeroing) > limits.max_zero_share * live or len(zeroing) > limits.max_zero_count
    return f"{len(zeroing)} of {live} live levels would go to zero" if is_many and is_too_many else ""


def _mass_fall(going: Sequence[Line], units: int, limits: Limits, history: History) -> str:
    falls = sum(line.falls for line in going) + sum(history.falls.values())
    is_surprise = falls > limits.max_fall_share * units and falls > limits.min_fall_units
    return f"{falls} of {units} units would go" if is_surprise else ""


def _mass_rise(going: Sequence[Line], units: int, limits: Limits, history: History) -> str:
    given = sum(history.rises.values())
    before = units - given
    rises = sum(line.rises for line in going) + given
    is_surprise = before + rises > limits.max_rise_factor * before and rises > limits.min_rise_units
    return f"{before} units would become {before + rises}" if is_surprise else ""


def _live(lines: Iterable[Line], history: History) -> int:
    """Levels that had units within the window, as far as they are known."""
    remembered = history.live.keys() | history.zeroed
    return len(remembered) + sum(1 for line in lines if line.shown > 0 and line.item_id not in remembered)


def _units(lines: Sequence[Line], history: History) -> int:
    """Units that the window began with, as far as they are known: what is there, and what we took."""
    here = sum(line.shown for line in lines if line.shown > 0)
    elsewhere = sum(history.live.values()) - sum(history.live.get(line.item_id, 0) for line in lines)
    taken = sum(history.falls.get(line.item_id, 0) for line in lines)
    return here + elsewhere + taken


def _hold(lines: list[Line], broken: Mapping[str, str]) -> list[Line]:
    return [_held(line, broken) if line.is_open else line for line in lines] if broken else lines


def _held(line: Line, broken: Mapping[str, str]) -> Line:
    concerned = {"mass_zero": line.is_zeroing, "mass_fall": line.falls > 0, "mass_rise": line.rises > 0}
    for name, why in broken.items():
        if concerned[name]:
            return line.ended(Outcome.HELD, name, why)
    return line
