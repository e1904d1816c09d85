"""Partners, product mappings and sync logs, on both databases: what is stored, and whose it is."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select, select, text

from connectors.ledger import Ledger, LevelMemory, Partner, ProductMapping, SyncLog, open_ledger
from connectors.ledger.models import LevelRow, ProductMappingRow
from connectors.ledger.partners import truth_of
from tests.connectors.ledger_samples import HOUR, NOW

pytest_plugins = ["tests.databases"]


def a_partner(name: str = "boots.example", account: str = "own") -> Partner:
    return Partner(account, name, f"https://{name}", name.title(), NOW)


def added(ledger: Ledger, name: str = "boots.example", account: str = "own") -> Partner:
    return ledger.add_partner(a_partner(name, account))


def number(partner: Partner) -> int:
    assert partner.id is not None
    return partner.id


def a_mapping(partner: Partner, variant: int, own: int, **more: object) -> ProductMapping:
    mapping = ProductMapping(partner.account, number(partner), variant, own, NOW, NOW)
    return replace(mapping, **more)  # type: ignore[arg-type]


class TestPartners:
    def test_come_back_by_name_and_account(self, ledger: Ledger) -> None:
        boots, shoes = added(ledger, "boots.example"), added(ledger, "a-shoes.example")
        foreign = added(ledger, "boots.example", "another")

        assert ledger.partners("own") == [shoes, boots]
        assert ledger.partner("own", "boots.example") == boots
        assert ledger.partner("another", "boots.example") == foreign
        assert ledger.partner("own", "nobody.example") is None
        assert len({boots.id, shoes.id, foreign.id}) == 3

    def test_switched_off_take_no_part(self, ledger: Ledger) -> None:
        boots = added(ledger)
        ledger.switch_partner("another", number(boots), is_active=False)
        assert ledger.partners("own", active_only=True) == [boots]

        ledger.switch_partner("own", number(boots), is_active=False)
        assert ledger.partners("own", active_only=True) == []
        assert ledger.partners("own") == [replace(boots, is_active=False)]

    def test_removed_are_gone_until_they_are_added_again(self, ledger: Ledger) -> None:
        boots = added(ledger)
        ledger.store_mappings([a_mapping(boots, 1, 11)])
        ledger.remove_partner("own", number(boots), NOW)
        assert ledger.partners("own") == []
        assert ledger.mappings("own") == []
        assert ledger.feeding("own", [11]) == []

        again = ledger.add_partner(replace(a_partner(), display_name="New", created_at=NOW + HOUR))
        assert again.id == boots.id
        found = ledger.partner("own", "boots.example")
        assert found == replace(boots, display_name="New")
        assert [each.is_active for each in ledger.mappings("own")] == [False]

    def test_health_follows_the_newest_attempt(self, ledger: Ledger) -> None:
        boots = added(ledger)
        ledger.record_partner_health("own", number(boots), "warning", NOW, error="two items")
        ledger.record_partner_health("own", number(boots), "failed", NOW + HOUR, error="away")
        ledger.record_partner_health("own", number(boots), "healthy", NOW - HOUR)
        ledger.record_partner_health("another", number(boots), "healthy", NOW + 2 * HOUR)

        assert ledger.partners("own") == [
            replace(
                boots,
                inventory_sync_status="failed",
                last_inventory_sync=NOW,
                last_attempt_at=NOW + HOUR,
                last_error="away",
            )
        ]

    def test_an_attempt_of_a_clock_that_ran_ahead_keeps_no_other_from_being_stored(
        self, ledger: Ledger
    ) -> None:
        boots = added(ledger)
        ledger.record_partner_health("own", number(boots), "healthy", NOW + 1_000 * HOUR)
        ledger.record_partner_health("own", number(boots), "healthy", NOW)

        assert ledger.partners("own")[0].last_inventory_sync == NOW

    def test_own_levels_under_their_name(self, ledger: Ledger) -> None:
        boots = added(ledger)
        assert truth_of(boots) == "partner:boots.example"
        assert truth_of(boots, sums=True) == "partners"


class TestMappings:
    def test_come_back_with_everything(self, ledger: Ledger) -> None:
        boots = added(ledger)
        first = a_mapping(boots, 1, 11, location_ids=[5, 6], buffer=2, orders_known="15", sums=True)
        ledger.store_mappings([first, a_mapping(boots, 2, 12, is_active=False)])

        found = ledger.mappings("own")
        assert [replace(each, id=None) for each in found] == [first, a_mapping(boots, 2, 12, is_active=False)]
        assert [each.own_variant_id for each in ledger.mappings("own", active_only=True)] == [11]
        assert ledger.mappings("another") == []
        assert ledger.mappings("own", number(boots) + 1) == []

    def test_of_the_same_partner_variant_replace(self, ledger: Ledger) -> None:
        boots = added(ledger)
        ledger.store_mappings([a_mapping(boots, 1, 11)])
        later = NOW + HOUR
        ledger.store_mappings([a_mapping(boots, 1, 12, buffer=3, created_at=later, updated_at=later)])

        [found] = ledger.mappings("own")
        assert (found.own_variant_id, found.buffer, found.created_at, found.updated_at) == (12, 3, NOW, later)

    def test_of_a_partner_switched_off_still_feed(self, ledger: Ledger) -> None:
        boots = added(ledger)
        ledger.store_mappings([a_mapping(boots, 1, 11), a_mapping(boots, 2, 12, is_active=False)])
        ledger.switch_partner("own", number(boots), is_active=False)

        assert ledger.mappings("own", active_only=True) == []
        assert [each.partner_variant_id for each in ledger.feeding("own", [11, 12])] == [1]
        assert ledger.feeding("another", [11, 12]) == []

    def test_many_are_stored_at_once(self, ledger: Ledger) -> None:
        boots = added(ledger)
        ledger.store_mappings([a_mapping(boots, each, 10_000 + each) for each in range(1, 1_201)])

        assert len(ledger.mappings("own", number(boots))) == 1_200
        assert len(ledger.feeding("own", range(10_001, 11_201))) == 1_200


class TestClaims:
    def level(self, item: int = 7, truth: str = "partner:boots.example") -> LevelMemory:
        return LevelMemory("own", item, 1, 3, item * 10, NOW - 1000 * HOUR, owner_truth=truth)

    def test_take_what_nobody_owns_and_nothing_else(self, ledger: Ledger) -> None:
        seen = LevelMemory("own", 8, 1, 3, 80, NOW, sku_folded="a", units_seen=4)
        ledger.remember([seen, LevelMemory("own", 9, 1, 3, 90, NOW, owner_truth="rms")])
        ledger.claim_levels([self.level(7), self.level(8), self.level(9)])

        found = ledger.levels_of_variants("own", 1, [70, 80, 90])
        assert found[70] == self.level(7)
        assert found[80] == replace(seen, owner_truth="partner:boots.example")
        assert found[90].owner_truth == "rms"
        assert ledger.levels_of_variants("another", 1, [70]) == {}
        assert ledger.levels_of_variants("own", 2, [70]) == {}

    def test_give_way_to_a_reading_but_keep_their_owner(self, ledger: Ledger) -> None:
        ledger.claim_levels([self.level()])
        ledger.remember([LevelMemory("own", 7, 1, 3, 70, NOW, owner_truth="rms", units_seen=2)])

        [found] = ledger.levels_of_variants("own", 1, [70]).values()
        assert (found.owner_truth, found.units_seen) == ("partner:boots.example", 2)


class TestSyncLogs:
    def test_come_back_newest_first(self, ledger: Ledger) -> None:
        boots, shoes = added(ledger), added(ledger, "shoes.example")
        first = ledger.start_sync(SyncLog("own", boots.id, "run-1", NOW))
        second = ledger.start_sync(SyncLog("own", shoes.id, "run-1", NOW + timedelta(seconds=1)))
        ended = replace(
            first,
            status="failed",
            items_processed=3,
            items_failed=3,
            errors=[{"sku": "a", "reason": "gone"}],
            completed_at=NOW + HOUR,
        )
        ledger.finish_sync(ended)
        ledger.finish_sync(replace(second, account="another", status="failed"))

        assert ledger.sync_logs("own") == [replace(second, errors=[]), ended]
        assert ledger.sync_logs("own", partner_id=boots.id) == [ended]
        assert ledger.sync_logs("own", run_id="run-2") == []
        assert ledger.sync_logs("own", limit=1) == [replace(second, errors=[])]
        assert ledger.sync_logs("another") == []


@pytest.mark.parametrize("word", ["sometimes", ""])
def test_a_health_that_is_none_is_refused(ledger: Ledger, word: str) -> None:
    boots = added(ledger)
    with pytest.raises(Exception, match="ledger"):
        ledger.record_partner_health("own", number(boots), word, NOW)


def test_whoever_writes_several_rows_waits_for_the_first_of_them_with_none_in_hand(postgres_url: str) -> None:
    with closing(open_ledger(postgres_url)) as ledger, ThreadPoolExecutor() as pool:
        boots = added(ledger)
        ledger.store_mappings([a_mapping(boots, 1, 11), a_mapping(boots, 2, 12)])
        first, second = ledger.mappings("own")
        levels = [LevelMemory("own", item, 1, 3, item * 10, NOW) for item in (7, 8)]
        ledger.remember(levels)
        for write, one, other in (
            (lambda: ledger.store_mappings([second, first]), _mapping(1), _mapping(2)),
            (lambda: ledger.record_sightings("own", [second, first]), _mapping(1), _mapping(2)),
            (lambda: ledger.claim_levels(levels[::-1]), _level(7), _level(8)),
        ):
            with ledger.database.writing() as connection:
                connection.execute(one)
                waiting = pool.submit(write)
                while not waiting.done() and not connection.execute(_WAITING).scalar_one():
                    pass
                connection.execute(other)
            waiting.result()


_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


def _mapping(variant: int) -> Select[Any]:
    return select(ProductMappingRow).where(ProductMappingRow.partner_variant_id == variant).with_for_update()


def _level(item: int) -> Select[Any]:
    return select(LevelRow).where(LevelRow.inventory_item_id == item).with_for_update()
