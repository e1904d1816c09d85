"""Keep the house in order: forget what is old, end what is dead, score what is on offer.

Starts   once a day by the schedule (prefect.yaml), by hand, and as the last step of each *automated-sync*.
Writes   deletes old rows of the ledger and old artifacts; `ai_score` of imported products; states of runs.
Stops    nothing as a whole: a step that fails is in the report, and the others are done.
"""

from typing import Annotated

from prefect.artifacts import create_markdown_artifact
from pydantic import Field

from connectors.records import JsonObject
from connectors.settings import load_settings
from flows.keep_even import as_state
from flows.policy import reports
from tasks import upkeep
from tasks.desk import ledger_of
from tasks.upkeep import MAINTENANCE, Retention

Days = Annotated[int, Field(ge=1, le=3650)]


@reports(MAINTENANCE)
def maintenance(
    dry_run: bool = False,
    log_days: Days | None = None,
    job_days: Days | None = None,
    plan_days: Days | None = None,
    artifact_days: Days | None = None,
) -> JsonObject:
    """Delete what is old, end what is dead, and score the imported products.

    Args:
        dry_run: Only show what would go.
        log_days: Keep logs and ended runs for so many days. Empty: MAINTENANCE_LOG_DAYS (30).
        job_days: Keep ended supplier jobs for so many days. Empty: MAINTENANCE_JOB_DAYS (7).
        plan_days: Keep plans that are over for so many days. Empty: MAINTENANCE_PLAN_DAYS (30).
        artifact_days: Keep artifacts for so many days. Empty: MAINTENANCE_ARTIFACT_DAYS (30).

    """
    settings = load_settings()
    days = Retention.of(
        settings, log_days=log_days, job_days=job_days, plan_days=plan_days, artifact_days=artifact_days
    )
    done = upkeep.keep_house(settings, ledger_of(settings), days, dry_run=dry_run)
    upkeep.say(settings, done, dry_run=dry_run)
    document = upkeep.report(done, dry_run=dry_run)
    create_markdown_artifact(
        str(document["message"]), key=f"{MAINTENANCE}-summary", description="What was cleared and renewed"
    )
    return as_state(document, "Completed" if document["success"] else "Failed", str(document["message"]))


if __name__ == "__main__":
    maintenance()
