"""`evenstock setup --deploy`: the work pool, and every deployment of prefect.yaml."""

import io
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from prefect.cli import app as prefect_command
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from connectors.errors import ConfigurationError, EvenstockError
from flows.catalogue import FLOWS, load
from flows.cli.orchestration import prefect_api

POOL = "evenstock"
"""The work pool that prefect.yaml names."""

FILE = Path("prefect.yaml")

PATIENCE = 60.0
"""Seconds that a Prefect server gets to answer: it may have been started a moment ago."""


def deploy() -> Iterator[str]:
    """Do what `prefect deploy --all` does, in this folder; a sentence for each thing done."""
    if not FILE.is_file():
        raise ConfigurationError("there is no prefect.yaml in this folder: deploy from the project's folder")
    for name in FLOWS:
        # While a server that was just started gets ready.
        load(name)
    with prefect_api(PATIENCE) as client:
        yield _pool(client)
    _run_prefect("--no-prompt", "deploy", "--all", "--prefect-file", str(FILE))
    yield "Prefect: everything in prefect.yaml is deployed"


def _pool(client: SyncPrefectClient) -> str:
    """A process work pool; one that is there already is left as it is."""
    try:
        pool = client.read_work_pool(POOL)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        pool = client.create_work_pool(
            WorkPoolCreate(name=POOL, type=ProcessWorker.type, base_job_template=template)
        )
    return f"Prefect: the work pool {pool.name} ({pool.type}) is there"


def _run_prefect(*words: str) -> None:
    """Prefect's own command, in this process. Raises with its last words when it does not end well."""
    said, status, before = io.StringIO(), None, sys.argv
    try:
        # All that the command takes its words from.
        sys.argv = ["prefect", *words]
        with redirect_stdout(said), redirect_stderr(said):
            prefect_command()
    except SystemExit as end:
        status = end.code
    finally:
        sys.argv = before
    if status:
        lines = [line.strip() for line in said.getvalue().splitlines() if line.strip()]
        raise EvenstockError(f"`prefect {' '.join(words)}` failed: {' '.join(lines[-4:])[-600:]}")
