"""Reading JSON that a person wrote: every mistake becomes one line that says where it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, NamedTuple

Path = tuple[str | int, ...]
Json = Any
"""A JSON value."""
Check = Callable[[Json, Path], Any]
"""Turns a JSON value into what the world holds, or raises WorldError."""


class WorldError(ValueError):
    """A world, a fault or an event that cannot be read. The text is one line and names the place."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(f"{place(path)}: {text}" if path else text)


class Key(NamedTuple):
    """How one key is read. A default that is callable is called, so that lists are not shared."""

    check: Check
    default: Any = None


REQUIRED = object()
"""The default of a key that has none."""


def place(path: Path) -> str:
    """`shopify["own.example"].products[0].sku`."""
    return "".join(_steps(path))


def _steps(path: Path) -> Iterator[str]:
    for index, step in enumerate(path):
        if isinstance(step, int):
            yield f"[{step}]"
        elif step.isidentifier():
            yield f".{step}" if index else step
        else:
            yield f'["{step}"]'


class Shape:
    """Reads objects with exactly these keys, and completes them with defaults."""

    def __init__(self, keys: Mapping[str, Key]) -> None:
        self.keys = keys
        self.required = [name for name, key in keys.items() if key.default is REQUIRED]
        self.made = [(name, key.default) for name, key in keys.items() if callable(key.default)]
        self.constant = {
            name: key.default
            for name, key in keys.items()
            if key.default is not REQUIRED and not callable(key.default)
        }

    def __call__(self, value: Json, path: Path) -> dict[str, Any]:
        """The object, checked and completed; WorldError if it is none."""
        if not isinstance(value, dict):
            raise WorldError(path, f"must be an object, not {_named(value)}")
        found, keys = dict(self.constant), self.keys
        for name, make in self.made:
            if name not in value:
                found[name] = make()
        for name, item in value.items():
            if name not in keys:
                _refuse_unknown(value, path, keys)
            found[name] = keys[name].check(item, (*path, name))
        for name in self.required:
            if name not in value:
                raise WorldError(path, f"'{name}' is missing")
        return found


def read(value: Json, path: Path, keys: Mapping[str, Key]) -> dict[str, Any]:
    """An object with exactly these keys, checked and completed with defaults."""
    return Shape(keys)(value, path)


def _refuse_unknown(value: Mapping[str, Any], path: Path, keys: Mapping[str, Key]) -> None:
    name = next(str(name) for name in value if name not in keys)
    near = get_close_matches(name, keys, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(sorted(keys))}"
    raise WorldError(path, f"unknown key '{name}'; {hint}")


def _named(value: Json) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def whole(value: Json, path: Path) -> int:
    """A whole number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise WorldError(path, f"must be a whole number, not {_named(value)}")


def counted(value: Json, path: Path) -> int:
    """A whole number from 1."""
    if whole(value, path) < 1:
        raise WorldError(path, f"must be 1 or more, not {value}")
    return int(value)


def number(value: Json, path: Path) -> float:
    """A number that is not negative."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    raise WorldError(path, "must be a number of 0 or more")


def text(value: Json, path: Path) -> str:
    """Text."""
    if isinstance(value, str):
        return value
    raise WorldError(path, f"must be text, not {_named(value)}")


def filled(value: Json, path: Path) -> str:
    """Text that is not empty."""
    if text(value, path).strip():
        return str(value)
    raise WorldError(path, "must not be empty")


def flag(value: Json, path: Path) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise WorldError(path, f"must be true or false, not {_named(value)}")


def money(value: Json, path: Path) -> str:
    """An amount: text such as "59.90", or a number."""
    try:
        return f"{float(value):.2f}"
    except (TypeError, ValueError):
        raise WorldError(path, "must be an amount such as '59.90'") from None


def moment(value: Json, path: Path) -> datetime:
    """An ISO time; without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(text(value, path))
    except ValueError:
        raise WorldError(path, "must be a time such as '2026-11-20T10:00:00Z'") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def anything(value: Json, _: Path) -> Json:
    """Any JSON value as it is."""
    return value


def optional(check: Check) -> Check:
    """Null, or what the check allows."""
    return lambda value, path: None if value is None else check(value, path)


def one_of(*names: str) -> Check:
    """One of these words."""

    def check(value: Json, path: Path) -> str:
        if value in names:
            return str(value)
        near = get_close_matches(str(value), names, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(names)}"
        raise WorldError(path, f"'{value}' is not known; {hint}")

    return check


def listed(check: Check) -> Check:
    """A list of what the check allows."""

    def check_all(value: Json, path: Path) -> list[Any]:
        if not isinstance(value, list):
            raise WorldError(path, f"must be a list, not {_named(value)}")
        return [check(item, (*path, index)) for index, item in enumerate(value)]

    return check_all


def mapped(check: Check) -> Check:
    """An object with any keys, each of what the check allows."""

    def check_all(value: Json, path: Path) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise WorldError(path, f"must be an object, not {_named(value)}")
        return {name: check(item, (*path, name)) for name, item in value.items()}

    return check_all


def shaped(keys: Mapping[str, Key]) -> Check:
    """An object with these keys."""
    return Shape(keys)


def first_double(values: Sequence[Any]) -> Json:
    """The first value that was there before, if any."""
    seen = set()
    for value in values:
        if value in seen:
            return value
        seen.add(value)
    return None
