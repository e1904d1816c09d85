"""What every test starts from: a clean environment, and one Prefect server for the whole run.

The environment is cleaned before Prefect is imported, as Prefect reads it then: no test may reach the
server, the store or the settings of whoever runs it.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from connectors.settings import ENV_FILE, is_ours

EXAMPLES_A_SEED = 4
"""Examples of each property test, so that it grows and shrinks with the races: 100 at the usual 25 seeds."""
_PREFECT_HOME = Path(tempfile.mkdtemp(prefix="evenstock-prefect-"))


def _scrub() -> None:
    for name in list(os.environ):
        if is_ours(name) or name.startswith("PREFECT_"):
            del os.environ[name]
    os.environ |= {
        ENV_FILE: os.devnull,
        "NO_PROXY": "127.0.0.1,localhost,::1",
        "PREFECT_HOME": str(_PREFECT_HOME),
        "PREFECT_PROFILES_PATH": str(_PREFECT_HOME / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # A test that forgot to ask for `prefect_server` fails at once, instead of starting one of its own.
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_CLIENT_ENABLE_METRICS": "false",
    }


_scrub()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("evenstock")
    group.addoption(
        "--seeds", type=int, default=25, metavar="N", help="seeds of each race and fault test (25)"
    )
    group.addoption("--all-kills", action="store_true", help="every kill point, not just those around writes")


def pytest_configure(config: pytest.Config) -> None:
    examples = EXAMPLES_A_SEED * config.getoption("seeds")
    hypothesis_settings.register_profile("evenstock", deadline=None, max_examples=examples)
    hypothesis_settings.load_profile("evenstock")


def pytest_xdist_auto_num_workers() -> int:
    """Workers of a parallel run: tests wait for programs and servers about half of their time."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `seed` runs once per seed."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("seeds")))


def pytest_unconfigure() -> None:
    shutil.rmtree(_PREFECT_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of Evenstock but those a test sets itself, whatever a test before it left behind."""
    for name in list(os.environ):
        if is_ours(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv(ENV_FILE, os.devnull)


@pytest.fixture(autouse=True)
def _same_log_filters() -> Iterator[None]:
    """A command that runs in process quietens Prefect's loggers for good; the next test hears them again."""
    loggers = [
        logging.getLogger(name) for name in ("prefect.flow_runs", "prefect.task_runs", "prefect.engine")
    ]
    before = [list(logger.filters) for logger in loggers]
    yield
    for logger, filters in zip(loggers, before, strict=True):
        logger.filters[:] = filters


@pytest.fixture(autouse=True)
def _orchestration(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("orchestrated"):
        request.getfixturevalue("prefect_server")


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """The API address of one Prefect server for the run; tests marked `orchestrated` have it unasked."""
    from flows.cli.children import PrefectServer, family  # noqa: PLC0415 - most tests do without Prefect
    from flows.cli.run import with_api  # noqa: PLC0415

    with family() as children:
        # Prefect's own harness makes all tables anew, which takes longer than everything else.
        server = PrefectServer(children, children.folder / "prefect")
        server.wait()
        with with_api(server.api):
            yield server.api


@pytest.fixture(scope="session")
def seeds(request: pytest.FixtureRequest) -> range:
    """The seeds of a test that loops over them itself."""
    return range(request.config.getoption("seeds"))


@pytest.fixture(scope="session")
def all_kills(request: pytest.FixtureRequest) -> bool:
    """Whether to try every kill point, not just those around writes."""
    return bool(request.config.getoption("all_kills"))
