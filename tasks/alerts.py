"""Tell a person, by mail, that a run failed or waits for them."""

import logging
from typing import Any

from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.logging.loggers import flow_run_logger
from prefect.utilities.urls import url_for

from connectors import mail
from connectors.errors import EvenstockError
from connectors.redaction import redact
from connectors.settings import load_settings
from tasks.states import Reported


def tell(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A hook on a flow's final states: one mail for a run that failed, crashed or holds something.

    Nothing is sent for dry runs, or unless ALERT_EMAIL_TO and SMTP_URL are set. A mail that cannot be sent is
    a line in the log: it never changes how the run ended.
    """
    is_fine = state.is_completed() and state.name != "Held"
    if is_fine or flow_run.parameters.get("dry_run"):
        return
    try:
        settings = load_settings()
        if settings.alert_email_to and settings.smtp_url:
            subject = f"{state.name}: {flow_run.name}"
            url, to = settings.needed("SMTP_URL"), settings.alert_email_to
            mail.send(url, to, subject, redact(_text(flow_run, state)))
    except EvenstockError as error:
        flow_run_logger(flow_run, flow).log(
            logging.WARNING, "the mail about this run was not sent: %s", error
        )


def _text(run: FlowRun, state: State[Any]) -> str:
    lines = [f"{run.name}: {state.name}", "", state.message or "", *_books(state)]
    address = url_for(run)
    return "\n".join([*lines, *(["", f"The run: {address}"] if address else []), ""])


def _books(state: State[Any]) -> list[str]:
    """The balance and the plan of the run's report, if there is one."""
    if not isinstance(state, Reported):
        return []
    report = state.result()
    balance = report.get("balance")
    counts = balance.items() if isinstance(balance, dict) else ()
    told = ["", *(f"{name.replace('_', ' ')}: {count}" for name, count in counts if count)]
    plan = report.get("plan_id")
    if plan:
        told += [
            "",
            f"Look:  evenstock plans show {plan}",
            f"Apply: evenstock plans release {plan} --by NAME",
        ]
    return told
