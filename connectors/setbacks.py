"""Ask for many things one by one: what goes wrong with one of them stops no other."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from connectors.errors import ConnectorError, Malformed, RateLimited, Refused, Transient

T = TypeVar("T")

MOST: Final = 5
"""So many in a row that may work in a moment are the system's trouble, not theirs."""

logger = logging.getLogger(__name__)


class Setbacks:
    """What went wrong so far. `is_everybodys`: whether a refusal is of us, not of what was asked for."""

    def __init__(self, is_everybodys: Callable[[Refused], bool] = lambda _: False) -> None:
        self._is_everybodys = is_everybodys
        self._in_a_row = 0
        self._any_went_well = False
        self._last: ConnectorError | None = None

    def went_well(self) -> None:
        """One was answered."""
        self._in_a_row, self._any_went_well = 0, True

    def went_wrong(self, error: ConnectorError) -> None:
        """One was not. Raises its error if the others would fare no better."""
        self._last = error
        if isinstance(error, Transient):
            self._in_a_row += 1
            if isinstance(error, RateLimited) or self._in_a_row == MOST:
                raise error
        elif isinstance(error, Malformed) or (isinstance(error, Refused) and not self._is_everybodys(error)):
            self._in_a_row = 0
        else:
            raise error

    def end(self, *kinds: type[ConnectorError]) -> None:
        """All were asked for. Raises the last error, of these kinds, if none went well: it was of all."""
        if isinstance(self._last, kinds) and not self._any_went_well:
            raise self._last


def read_each(ids: Sequence[str], read: Callable[[str], T], setbacks: Setbacks) -> Iterator[T]:
    """What could be had of these; one that could not is left out, with a line in the log."""
    for number in ids:
        try:
            found = read(number)
        except ConnectorError as error:
            setbacks.went_wrong(error)
            logger.warning("%s is left out: %s", number, error)
        else:
            setbacks.went_well()
            yield found
