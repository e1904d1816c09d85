"""How arguments are read, and where a command speaks."""

import codecs
import json
import sys
from argparse import ArgumentParser
from typing import NoReturn

from rich.console import Console

from connectors.errors import ConfigurationError
from connectors.records import JsonObject, JsonValue

USAGE = 2
"""Exit status for a wrong argument, parameter or setting."""


class Parser(ArgumentParser):
    """Reads a command's arguments; a wrong one is a ConfigurationError, so that it ends as one line."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(prog=f"evenstock {command}", description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise ConfigurationError(f"{self.prog.removeprefix('evenstock ')}: {message}")


class Action(Parser):
    """Reads the arguments of one of a command's actions (`parser_class` of its subparsers)."""

    def __init__(self, *, prog: str) -> None:
        super().__init__(prog.removeprefix("evenstock "), "")


def flow_parser(command: str, description: str) -> Parser:
    """A parser for commands about one flow."""
    parser = Parser(command, description)
    parser.add_argument("flow", metavar="FLOW")
    parser.add_argument(
        "--json", action="store_true", dest="as_json", help="one JSON document on standard output"
    )
    return parser


def out() -> Console:
    """Standard output, for people; without a terminal wide enough for the tables."""
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console.width = max(console.width, 110)
    return console


def say_json(document: JsonObject | list[JsonValue] | str) -> None:
    """One JSON document on standard output, and nothing else; escaped where that is not Unicode."""
    is_unicode = codecs.lookup(sys.stdout.encoding or "utf-8").name.startswith("utf")
    print(json.dumps(document, ensure_ascii=not is_unicode, indent=2))  # noqa: T201
