"""Every way to fail, sorted by what to do about it.

EvenstockError
├── ConfigurationError          a person changes a setting or a parameter, then starts again
├── LeaseLost                   another worker took over: write nothing more
├── WritesOff                   EVENSTOCK_WRITES=off: nothing may be written
└── ConnectorError              a system did not do what was asked
    ├── Transient               nothing was done: the same call may be sent again
    │   └── RateLimited         … after the time the system names
    │       └── WindowClosed    … which is far: put the work back until then
    ├── Refused                 understood and declined: sending it again changes nothing
    ├── Unauthorised            no call of this account will succeed: stop it, tell someone
    │   └── NeedsConsent        … until the store's owner lets our app in anew
    ├── BudgetSpent             nothing was sent: our own budget has no such call left until a time
    ├── Malformed               the answer was not understood
    └── UnknownOutcome          a write whose answer was lost: read before anything else
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class EvenstockError(Exception):
    """Base of everything Evenstock raises on purpose; its text is for a person to read."""


class ConfigurationError(EvenstockError):
    """A setting, parameter or permission is missing or wrong; a person has to change it."""


class LeaseLost(EvenstockError):  # noqa: N818 - names say what happened, as in the drawing above
    """The lease ended or was taken over while working; whoever holds it now does the rest."""


class WritesOff(EvenstockError):  # noqa: N818
    """Writes are switched off by EVENSTOCK_WRITES=off; nothing was sent."""


class ConnectorError(EvenstockError):
    """A system did not do what was asked. Never carries a secret or a whole URL."""

    def __init__(self, message: str, *, system: str = "", account: str = "", operation: str = "") -> None:
        super().__init__(message)
        self.system = system
        self.account = account
        self.operation = operation


class Transient(ConnectorError):  # noqa: N818
    """Surely nothing was done, and it may work in a moment. `retry_after`: seconds the system asks for."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        system: str = "",
        account: str = "",
        operation: str = "",
    ) -> None:
        super().__init__(message, system=system, account=account, operation=operation)
        self.retry_after = retry_after


class RateLimited(Transient):
    """The system's rate limit turned the call away before doing it."""


class WindowClosed(RateLimited):
    """The calls of a long window are used up. No failure: the work goes on after `retry_after` seconds."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One reason of a refusal. `row` is the index of the input row it names, if it names one."""

    code: str
    message: str
    row: int | None = None


class Refused(ConnectorError):  # noqa: N818
    """Understood and declined; nothing was written. `complaints` says why, row by row where known.

    `is_whole`: the call as such was declined, before anybody looked at its rows.
    """

    def __init__(
        self,
        message: str,
        *,
        complaints: Sequence[Complaint] = (),
        is_whole: bool = False,
        system: str = "",
        account: str = "",
        operation: str = "",
    ) -> None:
        super().__init__(message, system=system, account=account, operation=operation)
        self.complaints = tuple(complaints)
        self.is_whole = is_whole

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all complaints."""
        return frozenset(complaint.code for complaint in self.complaints)


class Unauthorised(ConnectorError):  # noqa: N818
    """The account's credentials or standing are refused; every further call would be too."""


class NeedsConsent(Unauthorised):
    """The app's access to the account ended for good: its owner has to consent anew."""


class BudgetSpent(ConnectorError):  # noqa: N818
    """No call of this kind is left, and none was sent. `free_at`: when there is one again; aware."""

    def __init__(
        self, message: str, *, free_at: datetime, system: str = "", account: str = "", operation: str = ""
    ) -> None:
        super().__init__(message, system=system, account=account, operation=operation)
        self.free_at = free_at


class Malformed(ConnectorError):  # noqa: N818
    """The answer was not understood. Its beginning is in the message."""


class UnknownOutcome(ConnectorError):  # noqa: N818
    """A write was sent and its answer was lost: it may or may not have been done."""
