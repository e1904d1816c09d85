"""`evenstock worker`: push items to the marketplaces as soon as they are changed, until told to stop."""

from connectors.errors import ConfigurationError
from connectors.settings import load_settings, use
from flows.cli.options import Parser

PATIENCE = 60.0
"""Seconds that Prefect's API gets to answer: both may have been started together."""


def worker(arguments: list[str]) -> int:
    """Serve pushes of changed items; start as many of these as you like, on any number of machines."""
    parser = Parser("worker", "Push items to BrickLink and Brick Owl as soon as they are changed.")
    parser.add_argument("--width", type=int, default=0, help="items pushed at the same time (8)")
    width = parser.parse_args(arguments).width
    if width < 0:
        parser.error(f"--width must be 1 or more, not {width}")
    # Its lines are about no flow's run: without this, Prefect warns with each of them.
    use({"PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore"})
    load_settings()
    from prefect.settings import PREFECT_API_URL  # noqa: PLC0415 - Prefect reads the line above when imported

    if not PREFECT_API_URL.value():
        raise ConfigurationError("worker: PREFECT_API_URL is not set, so nobody could ask for a push")
    from flows.cli.orchestration import prefect_api  # noqa: PLC0415 - as above
    from flows.worker import WIDTH, work  # noqa: PLC0415 - as above

    with prefect_api(PATIENCE):
        # It answers, and takes our password: what Prefect's own worker says of neither is no sentence.
        pass
    work(width or WIDTH)
    return 0
