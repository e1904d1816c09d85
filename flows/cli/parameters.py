"""Read `--param value` pairs as they are typed."""

import json
from collections.abc import Sequence

from connectors.errors import ConfigurationError

Given = dict[str, tuple[object, str]]
"""Parameters by name: the value as JSON, where it is some, and the text it was written as."""


def read_parameters(words: Sequence[str]) -> Given:
    """`--name value`, `--name=value`, or `--name` alone for true. Raises ConfigurationError."""
    given: Given = {}
    waiting = list(words)
    while waiting:
        name, text = _next(waiting)
        if name in given:
            raise ConfigurationError(f"the parameter {name} is given twice")
        given[name] = (value_of(text), text)
    return given


def _next(waiting: list[str]) -> tuple[str, str]:
    word = waiting.pop(0)
    if not word.startswith("--") or word == "--":
        raise ConfigurationError(f"{word!r} is not understood: parameters are given as --name value")
    name, equals, text = word[2:].partition("=")
    if not equals:
        text = waiting.pop(0) if waiting and not waiting[0].startswith("--") else "true"
    return name.replace("-", "_"), text


def value_of(text: str) -> object:
    """JSON, else the text; NaN and infinities are text, as JSON does not have them."""
    try:
        value: object = json.loads(text, parse_constant=_no_number)
    except ValueError:
        return text
    return value


def _no_number(text: str) -> None:
    raise ValueError(text)
