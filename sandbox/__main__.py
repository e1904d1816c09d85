"""`python -m sandbox`: every stand-in on one loopback port, until SIGTERM or Ctrl-C."""

import argparse
import gc
import json
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

from sandbox.app import Sandbox
from sandbox.clock import Clock
from sandbox.demo import demo_world
from sandbox.generate import generated_world
from sandbox.reading import WorldError
from sandbox.server import serving


def _within(least: int, most: float = inf) -> Callable[[str], int]:
    def whole(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text} is not {_said(least, most)}")
        return number

    return whole


def _said(least: int, most: float) -> str:
    return f"at least {least}" if most == inf else f"between {least} and {most}"


def _milliseconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < inf:
        raise argparse.ArgumentTypeError(f"{text} is no time that an answer could take")
    return number


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=_within(0, 65_535), default=8710, help="0 picks a free one (8710)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--world", type=Path, metavar="FILE", help="a world file")
    source.add_argument("--demo", action="store_true", help="a small shoe shop")
    source.add_argument("--products", type=_within(0), metavar="N", help="a generated shop")
    parser.add_argument(
        "--variants", type=_within(1), default=4, metavar="M", help="of each generated product (4)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of all that is random (0)")
    parser.add_argument("--latency-ms", type=_milliseconds, default=0, help="how long an answer takes (0)")
    parser.add_argument("--plan", choices=("standard", "advanced", "plus"), default="standard")
    parser.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="a behaviour not known for sure"
    )
    return parser.parse_args(given)


def _world(arguments: argparse.Namespace, clock: Clock) -> Mapping[str, Any]:
    if arguments.world:
        return _read(arguments.world)
    if arguments.demo:
        return demo_world(clock.now())
    if arguments.products is not None:
        return generated_world(arguments.products, arguments.variants, arguments.seed, clock.now())
    return {}


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise WorldError((), f"{file}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise WorldError((), f"{file}: this is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise WorldError((), f"{file}: a world must be a JSON object")
    return found


def _switches(given: Sequence[str]) -> dict[str, str]:
    for one in given:
        if "=" not in one:
            raise WorldError(("switch",), f"'{one}' must be written as NAME=VALUE")
    return dict(one.split("=", 1) for one in given)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def serve(arguments: argparse.Namespace) -> None:
    """Serve until a signal ends it. Raises WorldError, and OSError for a port that is taken."""
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    clock = Clock()
    with (
        Sandbox(
            _world(arguments, clock),
            clock=clock,
            seed=arguments.seed,
            plan=arguments.plan,
            latency_ms=arguments.latency_ms,
            switches=_switches(arguments.switch),
        ) as sandbox,
        serving(sandbox, arguments.port) as url,
    ):
        gc.freeze()  # a big world is looked through for garbage no more
        for name, value in sandbox.settings(url).items():
            _say(f"{name}={value}")
        _say("ready")
        over.wait()


def main(given: Sequence[str] | None = None) -> int:
    """Exit status: 0 after a signal, 2 for a world, a switch or a port that cannot be."""
    try:
        serve(_arguments(given))
    except (WorldError, OSError) as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
