"""What Evenstock needs in Prefect beside its deployments: limits, the trigger's delay, care for dead runs."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.actions import RunDeployment
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from connectors.errors import ConfigurationError, EvenstockError
from connectors.settings import Settings
from flows.cli.reaping import Reaper, reapers
from tasks import slots

TRIGGER = "reverse-stock-sync after the main sync"
"""The automation that prefect.yaml makes of its event trigger."""


def arrange(settings: Settings) -> Iterable[str]:
    """Bring Prefect in line with the settings; a sentence for each thing done. May be run again."""
    if not PREFECT_API_URL.value():
        yield "Prefect: no API is configured (PREFECT_API_URL), so its limits and triggers were left alone"
        return
    with prefect_api() as client:
        if settings.shopify_store_domain:
            most = settings.reverse_sync_max_concurrent
            slots.arrange(client, settings.shop, most)
            yield f"Prefect: at most {most} batches write to {settings.shop} at once"
        for reaper in reapers():
            yield _reap(client, reaper)
        yield _delay(client, timedelta(minutes=settings.reverse_sync_delay_minutes))


@contextmanager
def prefect_api(patience: float = 0.0) -> Iterator[SyncPrefectClient]:
    """The configured Prefect API, which gets some seconds to answer.

    Raises when none is configured, or when it does not answer.
    """
    if not PREFECT_API_URL.value():
        raise ConfigurationError("PREFECT_API_URL is not set: there is no Prefect server to tell")
    deadline = time.monotonic() + patience
    with get_client(sync_client=True) as client:
        while (problem := client.api_healthcheck()) and time.monotonic() < deadline:
            time.sleep(0.1)
        if problem is not None:
            raise EvenstockError(f"Prefect's API does not answer (PREFECT_API_URL): {type(problem).__name__}")
        try:
            # To be healthy it asks for no password.
            client.request("GET", "/admin/version")
            yield client
        except PrefectHTTPStatusError as error:
            raise _refused(error) from None


def _refused(error: PrefectHTTPStatusError) -> EvenstockError:
    status = error.response.status_code
    if status in {401, 403}:
        return ConfigurationError("Prefect's API refuses the password: check PREFECT_API_AUTH_STRING")
    return EvenstockError(f"Prefect's API refuses {error.request.url.path} with status {status}")


def _reap(client: SyncPrefectClient, reaper: Reaper) -> str:
    """One automation of this name, as it should be now."""
    found = _automations(client, reaper.name)
    for automation in found:
        _store(client, automation.id, reaper.automation())
    if not found:
        client.create_automation(reaper.automation())
    minutes = reaper.within.total_seconds() / 60
    return f"Prefect: {reaper.name.removeprefix('evenstock: ')} for {minutes:g} minutes are marked as crashed"


def _automations(client: SyncPrefectClient, name: str) -> list[Automation]:
    return [each for each in client.read_automations() if each.name == name]


def _delay(client: SyncPrefectClient, delay: timedelta) -> str:
    found = _automations(client, TRIGGER)
    for automation in found:
        _store(client, automation.id, _delayed(automation, delay))
    if not found:
        return "Prefect: the trigger is not deployed yet; run `prefect deploy --all`, then this again"
    return f"Prefect: the reverse sync starts {delay.total_seconds() / 60:g} minutes after the main sync"


def _store(client: SyncPrefectClient, automation: UUID, core: AutomationCore) -> None:
    """The client's own update sends `owner_resource` too, which the server refuses (Prefect 3.8.8)."""
    body = core.model_dump(mode="json", exclude={"owner_resource"})
    client.request("PUT", "/automations/{id}", path_params={"id": automation}, json=body)


def _delayed(automation: Automation, delay: timedelta) -> AutomationCore:
    actions = [
        action.model_copy(update={"schedule_after": delay}) if isinstance(action, RunDeployment) else action
        for action in automation.actions
    ]
    core = automation.model_dump(include=set(AutomationCore.model_fields)) | {"actions": actions}
    return AutomationCore.model_validate(core)
