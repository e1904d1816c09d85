"""The shape of the project, held by tests: who imports whom, and which library belongs to which file."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MAY_IMPORT = {
    "flows": {"flows", "tasks", "connectors"},
    "tasks": {"tasks", "connectors"},
    "connectors": {"connectors"},
    "sandbox": {"sandbox"},
}
"""Downwards only; the sandbox stands apart, so that it cannot share a mistake with what it tests."""

ONLY_IN = {
    # Outside looks up and checks the address that a connection goes to, which no other call needs.
    "httpx": ["connectors/http.py", "connectors/outside.py"],
    "tenacity": ["connectors/http.py"],
    "shopify_app": ["connectors/shopify/*"],
    "authlib": ["connectors/bricklink/*"],
    "sqlalchemy": ["connectors/ledger/*", "connectors/rms*", "connectors/sql*"],
    "alembic": ["connectors/ledger/*"],
    "pydantic_settings": ["connectors/settings.py"],
    "dotenv": ["connectors/settings.py"],
    "prefect": ["flows/*", "tasks/*"],
    "rich": ["flows/*"],
    "uvicorn": ["flows/receiver.py"],
    "starlette": ["flows/receiver.py"],
    "graphql": ["sandbox/*"],
    "cheroot": ["sandbox/*"],
    "pickle": [],
}
"""Production files that may import a library; the sandbox takes what it likes, but for Prefect and pickle."""

PURE = {
    "absence",
    "alarm",
    "batching",
    "breaker",
    "call_plan",
    "collector",
    "day",
    "deletion",
    "derive",
    "diff",
    "drift",
    "freshness",
    "guard",
    "health",
    "items",
    "job",
    "lanes",
    "legacy_queue",
    "mapping_proposals",
    "mapping_rows",
    "orders_heard",
    "marking",
    "matching",
    "offers",
    "owed",
    "page",
    "pairing",
    "partner_diff",
    "partner_page",
    "plan",
    "price_guard",
    "queueing",
    "reasons",
    "recreation",
    "refresh_page",
    "refreshing",
    "release",
    "report",
    "retrying",
    "rollback",
    "signs",
    "scores",
    "settling",
    "tally",
    "verdicts",
    "watching",
}
"""Modules of tasks/ that only judge."""

IMPURE = {
    "prefect",
    "os",
    "time",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "threading",
    "pathlib",
    "logging",
}

READERS = (ast.Attribute, ast.ImportFrom)
ENVIRONMENT = {"environ", "environb", "getenv", "putenv", "unsetenv"}

Source = tuple[str, ast.Module]


@cache
def sources() -> tuple[Source, ...]:
    """Every production file by its path from the root, parsed."""
    files = sorted(file for top in MAY_IMPORT for file in (ROOT / top).rglob("*.py"))
    return tuple((file.relative_to(ROOT).as_posix(), ast.parse(file.read_text("utf-8"))) for file in files)


def imports(path: str, tree: ast.Module) -> Iterator[str]:
    """The full names of all modules that a file imports, wherever in it, relative ones made absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = list(Path(path).parent.parts)[: len(Path(path).parts) - node.level] if node.level else []
            yield from (".".join([*above, *filter(None, [node.module]), alias.name]) for alias in node.names)


@cache
def libraries() -> dict[str, frozenset[str]]:
    """What every production file imports, by the first part of its name."""
    return {path: frozenset(map(top, imports(path, tree))) for path, tree in sources()}


def top(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def offences(library: str, allowed: list[str]) -> list[str]:
    return [
        path
        for path, imported in libraries().items()
        if library in imported and not any(fnmatch(path, pattern) for pattern in allowed)
    ]


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_imports_point_down_only(layer: str) -> None:
    forbidden = {"flows", "tasks", "connectors", "sandbox", "tests", "benchmarks"} - MAY_IMPORT[layer]
    wrong = [
        f"{path} imports {name}"
        for path, tree in sources()
        if path.startswith(f"{layer}/")
        for name in imports(path, tree)
        if top(name) in forbidden
    ]
    assert wrong == []


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_stays_where_it_belongs(library: str) -> None:
    in_sandbox = [] if library in {"prefect", "pickle"} else ["sandbox/*"]
    assert offences(library, ONLY_IN[library] + in_sandbox) == []


def test_the_environment_is_read_in_one_file() -> None:
    wrong = [
        f"{path}:{node.lineno}"
        for path, tree in sources()
        for node in ast.walk(tree)
        if path != "connectors/settings.py" and isinstance(node, READERS) and _reads_environment(node)
    ]
    assert wrong == []


def _reads_environment(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="os"), attr=name):
            return name in ENVIRONMENT
        case ast.ImportFrom(module="os", names=names):
            return any(alias.name in ENVIRONMENT for alias in names)
    return False


def pure() -> list[Source]:
    return [(path, tree) for path, tree in sources() if path in {f"tasks/{name}.py" for name in PURE}]


@pytest.mark.parametrize("path", [path for path, _ in pure()])
def test_a_judgement_touches_nothing(path: str) -> None:
    tree = dict(pure())[path]
    names = set(imports(path, tree))
    assert {top(name) for name in names} & (IMPURE | ONLY_IN.keys()) == set()
    assert [name for name in names if top(name) == "tasks" and _is_errand(name)] == []
    assert [ast.unparse(node) for node in ast.walk(tree) if _looks_at_a_clock(node)] == []


def _is_errand(name: str) -> bool:
    """Whether an import takes more than a type out of a module that touches the world."""
    _, module, *rest = name.split(".")
    return module not in PURE and not (rest and rest[0][0].isupper())


def _looks_at_a_clock(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=name)):
            return name in {"now", "utcnow", "today"}
    return False


@pytest.mark.parametrize(
    ("path", "code", "expected"),
    [
        ("tasks/a.py", "import flows.b", {"flows.b"}),
        ("tasks/a.py", "def f():\n    from sandbox import c", {"sandbox.c"}),
        ("connectors/ledger/a.py", "from . import b", {"connectors.ledger.b"}),
        ("connectors/ledger/a.py", "from ..http import c", {"connectors.http.c"}),
    ],
)
def test_no_form_of_import_escapes(path: str, code: str, expected: set[str]) -> None:
    assert set(imports(path, ast.parse(code))) == expected


def test_no_form_of_reading_the_environment_escapes() -> None:
    for code in ("import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ"):
        assert any(map(_reads_environment, ast.walk(ast.parse(code)))), code
