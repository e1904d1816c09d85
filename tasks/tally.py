"""How far a job's pass over its supplier's lists is, and what came of it so far: the cursor that is stored.

It goes along from window to window and from worker to worker, so that the report at the end tells of all.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self, cast

from connectors.ledger.supplier_records import Rows, Stored
from connectors.records import JsonObject
from connectors.supplier import FACETS, Facet, Page
from tasks import call_plan

VERSION: Final = 1
PROBLEMS: Final = 50
"""So many problems are told in full; the others are counted."""


@dataclass(slots=True)
class Tally:
    """`at`: the supplier's own cursor. `is_over`: its last page is stored, what follows from it may not be.

    `counts`: rows, inserted, changed, unchanged; problems; prices that changed or are held; asked, of a pass
    by look-up; windows that are used up. `pages` by list. `complete`: facets whose lists were read to their
    proved end. `heard`: what is bound and had its stock told, by the name of its id. `absent`: products that
    were asked for and do not exist. `lost`: variants that their products have no more. `plan`: the calls of
    each window, of those behind and of those to come.
    """

    at: JsonObject | None = None
    is_over: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    complete: set[Facet] = field(default_factory=set)
    heard: dict[str, set[str]] = field(default_factory=dict)
    absent: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    plan: list[JsonObject] = field(default_factory=list)

    @classmethod
    def of(cls, cursor: JsonObject | None) -> Self:
        """What was stored; a new one if it was stored in another form."""
        if cursor is None or cursor.get("tally") != VERSION:
            return cls()
        counts, pages = cast("dict[str, int]", cursor["counts"]), cast("dict[str, int]", cursor["pages"])
        told = cast("list[str]", cursor["complete"])
        heard = cast("dict[str, list[str]]", cursor.get("heard", {}))
        return cls(
            cast("JsonObject | None", cursor["at"]),
            is_over=bool(cursor["is_over"]),
            counts=Counter(counts),
            pages=Counter(pages),
            complete={each for each in FACETS if each in told},
            heard={kind: set(keys) for kind, keys in heard.items()},
            absent=list(cast("list[str]", cursor["absent"])),
            lost=list(cast("list[str]", cursor.get("lost", []))),
            problems=list(cast("list[str]", cursor["problems"])),
            plan=list(cast("list[JsonObject]", cursor.get("plan", []))),
        )

    @property
    def cursor(self) -> JsonObject:
        """As it is stored."""
        return {
            "tally": VERSION,
            "at": self.at,
            "is_over": self.is_over,
            "counts": dict(self.counts),
            "pages": dict(self.pages),
            "complete": [each for each in FACETS if each in self.complete],
            "heard": {kind: [*sorted(keys)] for kind, keys in self.heard.items()},
            "absent": list(self.absent),
            "lost": list(self.lost),
            "problems": list(self.problems),
            "plan": list(self.plan),
        }

    def cursor_after(self, stored: Stored) -> JsonObject:
        """As it is stored together with a page that came to this."""
        after = replace(self, counts=Counter(self.counts))
        after.take(stored)
        return after.cursor

    def plan_rest(self, rest: Sequence[JsonObject]) -> None:
        """Take in what is planned from this window on."""
        self.plan = call_plan.continued(self.plan, self.counts["windows"], rest)

    def pass_by(self, page: Page, lost: Collection[str] = (), *, is_last: bool) -> None:
        """Take in that a page is about to be stored, which variants it lacks, and where the next lies."""
        self.at, self.is_over = page.cursor, is_last
        self.pages[page.source] += 1
        self.complete |= page.complete
        self.absent += page.absent
        self.lost += sorted(lost)
        self.counts["rows"] += len(page.products) + len(page.variants)
        self.complain(*page.problems)

    def complain(self, *problems: str) -> None:
        """Take in what could not be read."""
        self.counts["problems"] += len(problems)
        self.problems += problems[: max(0, PROBLEMS - len(self.problems))]

    def take(self, stored: Stored) -> None:
        """Take in what storing a page came to."""
        self.counts.update(stored._asdict())

    def rows(self, total: int) -> Rows:
        """For the job's own columns."""
        processed, wrong = self.counts["rows"], self.counts["problems"]
        return Rows(max(total, processed), processed, max(0, processed - wrong), wrong)

    def errors(self) -> tuple[str, ...]:
        """The problems for a person."""
        more = self.counts["problems"] - len(self.problems)
        return (*self.problems, f"and {more} more") if more > 0 else tuple(self.problems)
