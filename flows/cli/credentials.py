"""Secrets that come over standard input, and never go out again: as JSON, or one name=value a line."""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from getpass import getpass

from pydantic import SecretStr

from connectors.errors import ConfigurationError
from connectors.market import MARKETPLACES, Marketplace
from tasks.market_accounts import FIELDS

Credentials = dict[Marketplace, dict[str, SecretStr]]
_WHOSE: dict[str, Marketplace] = {field: market for market, fields in FIELDS.items() for field in fields}
_SECRET = re.compile(r"[!-~]{4,500}")


def asked(markets: tuple[Marketplace, ...]) -> Credentials:
    """The credentials of these marketplaces, from a person or a program.

    From a program without a marketplace named: of those that it gives something of. Raises
    ConfigurationError that names what is missing or wrong, never a value.
    """
    if sys.stdin.isatty():
        return {market: _typed(market) for market in markets or MARKETPLACES}
    given = _given(sys.stdin.read())
    wanted = markets or tuple(each for each in MARKETPLACES if any(name in given for name in FIELDS[each]))
    missing = [name for market in wanted for name in FIELDS[market] if name not in given]
    if missing or not wanted:
        raise ConfigurationError(
            f"accounts add: standard input must give {', '.join(missing or _WHOSE)}, as name=value or JSON"
        )
    return {market: {name: given[name] for name in FIELDS[market]} for market in wanted}


def _typed(market: Marketplace) -> dict[str, SecretStr]:
    return {name: _secret(name, getpass(f"{market} {name}: ").strip()) for name in FIELDS[market]}


def _given(text: str) -> dict[str, SecretStr]:
    """Secrets by the names of `FIELDS`."""
    found: dict[str, SecretStr] = {}
    for name, value in _pairs(text):
        field = _field(name)
        found[field] = _secret(field, value)
    return found


def _pairs(text: str) -> Iterable[tuple[str, object]]:
    if text.lstrip().startswith("{"):
        for row in _objects(text):
            for name, value in row.items():
                yield from value.items() if isinstance(value, dict) and name in FIELDS else [(name, value)]
        return
    for number, line in enumerate(text.splitlines(), start=1):
        name, is_pair, value = line.partition("=")
        if line.strip() and not line.startswith("#"):
            if not is_pair:
                raise ConfigurationError(f"accounts add: line {number} of standard input is not name=value")
            yield name.strip(), value.strip().strip("\"'")


def _objects(text: str) -> list[Mapping[str, object]]:
    """One JSON object, over several lines or not, or one a line."""
    decoder, rest = json.JSONDecoder(), text.strip()
    found: list[Mapping[str, object]] = []
    while rest:
        try:
            row, end = decoder.raw_decode(rest)
        except json.JSONDecodeError:
            row, end = None, 0
        if not isinstance(row, dict):
            raise ConfigurationError("accounts add: standard input is neither JSON objects nor name=value")
        found.append(row)
        rest = rest[end:].lstrip()
    return found


def _field(name: str) -> str:
    """`consumer_key`, also written BRICKLINK_CONSUMER_KEY. Raises ConfigurationError for any other."""
    plain = name.strip().lower()
    for market in FIELDS:
        plain = plain.removeprefix(f"{market}_")
    plain = "api_key" if plain == "key" else plain
    if plain in _WHOSE:
        return plain
    # Shown only if it is a slip of the pen: anything else may be a secret that was pasted alone.
    close = get_close_matches(plain, _WHOSE, n=1)
    wrong = f"the name {name} (did you mean {close[0]}?)" if close else f"a name but {', '.join(_WHOSE)}"
    raise ConfigurationError(f"accounts add: nobody knows {wrong}")


def _secret(name: str, value: object) -> SecretStr:
    if not isinstance(value, str) or not _SECRET.fullmatch(value):
        raise ConfigurationError(f"accounts add: {name} must be a text of 4 to 500 letters, digits and signs")
    return SecretStr(value)
