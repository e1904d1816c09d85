"""The inventory refresh from outside: what a run that was asked for through Prefect's API says of itself."""

import pytest

from tests.flows.deployed import Deployed
from tests.worlds import product, variant, world

pytestmark = pytest.mark.xdist_group("deployed")

REFRESH = "inventory-refresh/inventory-refresh"
STATUS = "inventory-sync-status/inventory-sync-status"


@pytest.fixture(scope="module", autouse=True)
def _shop(site: Deployed) -> None:
    site.stage.faults(operation="no-call-has-this-name", kind="http")
    site.stage.put(world([product(1, None, variant(11, "A", 5), variant(12, "B", 0))], []))


def test_an_error_is_a_failed_state_with_its_document(site: Deployed) -> None:
    told = site.run(REFRESH, product_ids=["abc"])

    assert (told.state.type.value, told.state.name) == ("FAILED", "Failed")
    assert told.report["error"]["code"] == "INVALID_PRODUCT_IDS"


def test_a_refresh_completes_and_the_next_one_cools_down(site: Deployed) -> None:
    told = site.run(REFRESH, product_ids=[1])

    assert (told.state.type.value, told.state.name) == ("COMPLETED", "Completed")
    assert told.run.name == "inventory-refresh: product 1"
    assert told.report["data"]["inventoryUpdates"] == 2
    assert "inventory-refresh-summary" in told.artifacts
    again = site.run(REFRESH, product_ids=[1])
    assert again.state.type.value == "FAILED"
    assert again.report["error"]["code"] == "REFRESH_COOLDOWN"
    status = site.run(STATUS)
    assert status.report["data"]["scheduling"]["canManualRefresh"] is False


def test_a_product_that_failed_fails_the_run(site: Deployed) -> None:
    told = site.run("inventory-refresh-webhook/inventory-refresh-webhook", product_ids=[1, 999])

    assert (told.state.type.value, told.state.name) == ("FAILED", "Failed")
    assert told.report["data"]["failedProducts"] == 1
