"""What a database's complaint means to a person: one sentence, one error of our tree."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from connectors.errors import ConfigurationError, ConnectorError, EvenstockError, Transient, UnknownOutcome

_FOR_A_PERSON = re.compile(
    r"readonly|read-only|unable to open|not a database|malformed|disk is full|disk i/o|no such (table|column)"
    r"|authentication failed|no password supplied|does not exist|permission denied|(resolve|translate) host",
    re.IGNORECASE,
)
# What PostgreSQL tells besides its complaint: the statement, and the values.
_MORE = re.compile(r"\b(?:DETAIL|HINT|CONTEXT|LINE \d+):")
_BUSY = re.compile(r"locked|lock timeout|deadlock|serialize|statement timeout|too many|busy", re.IGNORECASE)


@contextmanager
def explained(name: str, *, committing: bool = False) -> Iterator[None]:
    """Turn every database error inside into one of ours, with `name` for the ledger.

    A connection that breaks while `committing` leaves the outcome unknown.
    """
    try:
        yield
    except SQLAlchemyError as error:
        # Without its cause: PostgreSQL's details would carry the values.
        raise explain(error, name, committing=committing) from None
    except (OverflowError, UnicodeError) as error:
        # A driver's own, which SQLAlchemy leaves as they are: a number or a text that no column holds.
        raise ConnectorError(f"the ledger {name} does not take a value: {error}", system="ledger") from None


def explain(error: SQLAlchemyError, name: str, *, committing: bool = False) -> EvenstockError:
    """The error a person should see instead of `error`."""
    if isinstance(error, PoolTimeout):
        return Transient(f"the ledger {name} has no free connection", system="ledger")
    if not isinstance(error, DBAPIError):
        why = error.orig if isinstance(error, StatementError) else type(error).__name__
        return ConnectorError(f"the ledger {name} failed: {why}", system="ledger")
    if committing and error.connection_invalidated:
        return UnknownOutcome(f"the ledger {name} went away while storing", system="ledger")
    return _by_text(error, name)


def _by_text(error: DBAPIError, name: str) -> EvenstockError:
    text = " ".join(_MORE.split(str(error.orig))[0].split())
    if isinstance(error, IntegrityError):
        return ConnectorError(f"the ledger {name} does not take a row: {text}", system="ledger")
    if _BUSY.search(text):
        return Transient(f"the ledger {name} is busy: {text}", system="ledger")
    if _FOR_A_PERSON.search(text):
        return ConfigurationError(f"EVENSTOCK_DATABASE_URL: the ledger {name} cannot be used: {text}")
    if error.connection_invalidated or "connect" in text.lower():
        return Transient(f"the ledger {name} cannot be reached: {text}", system="ledger")
    return ConnectorError(f"the ledger {name} failed: {text}", system="ledger")
