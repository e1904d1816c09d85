"""What prefect.yaml promises, and what of Prefect has to work for it to be kept."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from connectors.settings import load_settings

DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[1] / "prefect.yaml").read_text("utf-8")
)["deployments"]
BY_NAME = {deployment["name"]: deployment for deployment in DEPLOYMENTS}


def test_has_what_others_start_by_name() -> None:
    assert {"reverse-stock-sync", "reverse-stock-sync-dry-run", "apply-plan"} <= BY_NAME.keys()
    assert all(each["tags"] == ["evenstock"] for each in DEPLOYMENTS)
    assert all(each["work_pool"]["name"] == "evenstock" for each in DEPLOYMENTS)
    assert all(len(each["description"]) > 80 for each in DEPLOYMENTS)


@pytest.mark.parametrize("name", BY_NAME)
def test_entrypoints_are_modules_of_the_project(name: str) -> None:
    module, _, function = BY_NAME[name]["entrypoint"].partition(":")
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    assert f"def {function}(" in Path(spec.origin).read_text("utf-8")


def test_the_trigger_waits_as_long_as_the_setting_says() -> None:
    (trigger,) = BY_NAME["reverse-stock-sync"]["triggers"]
    assert trigger["schedule_after"] == 60 * load_settings().reverse_sync_delay_minutes
    assert trigger["expect"] == ["evenstock.main-sync.finished"]
    assert trigger["match"] == {"prefect.resource.id": "evenstock.shop.*"}


def test_the_dry_run_is_one_and_starts_by_hand_only() -> None:
    dry_run = BY_NAME["reverse-stock-sync-dry-run"]
    assert dry_run["parameters"] == {"dry_run": True, "limit": 10}
    assert not dry_run.get("schedules")
    assert not dry_run.get("triggers")


@pytest.mark.orchestrated
def test_prefects_client_and_server_understand_each_other() -> None:
    """Some versions of FastAPI make Prefect's server refuse the nulls that Prefect's client sends."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - most tests do without Prefect

    with get_client(sync_client=True) as client:
        assert isinstance(client.read_flow_runs(), list)
