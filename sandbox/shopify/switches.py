"""Behaviour that nobody outside the vendor knows for sure: one switch each, and its likeliest position.

A client's tests hold under every position.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from sandbox.reading import WorldError, one_of

CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    # Whether a repeated @idempotent key is known again.
    "idempotency": ("remembered", "forgotten"),
    # A set on a location where the item was never stocked: done but not seen, done and seen, or refused with
    # ITEM_NOT_STOCKED_AT_LOCATION as before 2026-10.
    "unstocked": ("invisible", "visible", "refused"),
    # Whether `tag` and `tag_not` compare the whole tag, or the words in it.
    "tag_search": ("whole", "word"),
    # Whether stale rows of a set are told by one error without a field, or by one error each.
    "stale": ("one", "each"),
    # Whether writing a quantity moves updatedAt of the variant and its product.
    "updated_at": ("kept", "bumped"),
    # Whether activation gives a level its earlier quantities back, as the vendor's change log says, or zeroes
    # it, as the vendor's schema does.
    "activate": ("keeps", "zeroes"),
    # Lines of a bulk operation's result: each parent before its children and mutations in the order of the
    # file, or in no order at all.
    "bulk_order": ("kept", "shuffled"),
    # Slashes in the lines of a bulk operation's result, as in `"gid:\\/\\/shopify\\/Product\\/1"`.
    "bulk_slashes": ("plain", "escaped"),
    # Whether a cancelled bulk operation shows the lines it had, as a failed one does.
    "bulk_canceled": ("nothing", "partial"),
    # Whether the storage of results knows the header `Range`, or sends the whole file again.
    "bulk_ranges": ("ignored", "served"),
    # Where a variant that is created without quantities is stocked with 0: at the first location, at all of
    # them, or at none.
    "new_variant": ("first", "everywhere", "nowhere"),
    # Which 8 failures in a row end a subscription to web hooks: attempts, whichever web hook they were for,
    # or web hooks that were given up after all their attempts.
    "webhook_failures": ("attempts", "given_up"),
    # Whether a web hook is dropped that says exactly what another one said a moment ago.
    "webhook_debounce": ("on", "off"),
}
"""Positions of each switch; the first is where it stands unless moved. `search_lag` takes seconds."""


class Switches:
    """Where the switches stand; WorldError for a switch or a position that does not exist. `more`: those of
    other systems, as `system.switch`.
    """

    def __init__(
        self, moved: Mapping[str, str] | None = None, more: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._choices = {**CHOICES, **(more or {})}
        self._at = {name: positions[0] for name, positions in self._choices.items()}
        self._lag: float | None = None
        for name, position in (moved or {}).items():
            self._move(name, position)

    def _move(self, name: str, position: str) -> None:
        one_of(*self._choices, "search_lag")(name, ("switch",))
        if name == "search_lag":
            self._lag = _seconds(position)
        else:
            self._at[name] = one_of(*self._choices[name])(position, ("switch", name))

    def __getitem__(self, name: str) -> str:
        return self._at[name]

    def search_lag(self, otherwise: float) -> float:
        """Seconds that search is late: as switched, else as the shop has it."""
        return otherwise if self._lag is None else self._lag


def _seconds(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise WorldError(("switch", "search_lag"), f"'{value}' is not a number of seconds") from None
