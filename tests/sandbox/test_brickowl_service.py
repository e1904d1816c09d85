"""The Brick Owl stand-in as a service: keys, limits, catalogue, faults, switches, settings."""

import httpx
import pytest

from sandbox.app import Sandbox
from sandbox.reading import WorldError
from tests.sandbox.owl import KEY, Owl, error, lot, owl, section


@pytest.fixture
def shop() -> Owl:
    return owl(section(lot(1), lot(2, qty=3)))


# ------------------------------------------------------------------------ keys


def test_a_wrong_key_is_refused_in_query_and_form(shop: Owl) -> None:
    shop.key = "other"
    for answer in (shop.get("inventory/list"), shop.post("inventory/update", lot_id=1, price="1")):
        assert (answer.status_code, error(answer)) == (403, "Invalid key")
    assert shop.world["lots"][0]["price"] == "0.100"


def test_the_key_of_a_post_counts_in_the_form_only(shop: Owl) -> None:
    answer = shop.client.post("inventory/delete", params={"key": KEY}, data={"lot_id": "1"})
    assert answer.status_code == 403


def test_a_json_body_is_no_argument(shop: Owl) -> None:
    answer = shop.client.post("inventory/delete", json={"key": KEY, "lot_id": "1"})
    assert answer.status_code == 400
    assert len(shop.world["lots"]) == 2


def test_a_get_may_say_json_and_have_no_body(shop: Owl) -> None:
    headers = {"content-type": "application/json"}
    assert shop.client.get("inventory/list", params={"key": KEY}, headers=headers).status_code == 200


def test_a_key_has_areas() -> None:
    shop = owl(section(areas=["user", "inventory"]))
    assert shop.get("inventory/list").status_code == 200
    assert shop.get("token/details").status_code == 200
    answer = shop.get("catalog/color_list")
    assert (answer.status_code, error(answer)) == (403, "This key has no permission for catalog")
    assert shop.batch({"lot_id": 1, "relative_quantity": 1}).status_code == 403


def test_a_key_without_a_store_has_no_lots() -> None:
    shop = owl(section(store=False))
    answer = shop.get("inventory/list")
    assert answer.status_code == 400
    assert error(answer) == "Store not found, you may need to set list_type=customer"
    assert shop.get("user/details").json()["has_store"] == "0"


def test_the_key_is_told_its_store(shop: Owl) -> None:
    found = shop.get("user/details").json()
    assert found["store_details"]["base_currency"] == "EUR"
    assert shop.get("token/details").json() == found


def test_endpoints_and_methods_are_known_or_refused(shop: Owl) -> None:
    assert (shop.get("inventory/nothing").status_code, shop.get("inventory").status_code) == (404, 404)
    assert shop.get("inventory/update", lot_id=1).status_code == 405
    assert shop.post("inventory/list").status_code == 405
    assert (
        shop.client.get("http://sandbox/brickowl/v2/inventory/list", params={"key": KEY}).status_code == 404
    )


def test_accounts_are_told_apart_by_their_keys() -> None:
    world = {
        "brickowl": {"a": {"key": "k-a", "lots": [lot(1)]}, "b": {"key": "k-b", "lots": [lot(1, qty=5)]}}
    }
    with Sandbox(world) as sandbox:
        client = httpx.Client(
            base_url="http://sandbox/brickowl/v1", transport=httpx.WSGITransport(app=sandbox)
        )
        data = {"key": "k-b", "lot_id": "1", "relative_quantity": "1"}
        assert client.post("inventory/update", data=data).status_code == 200
        accounts = sandbox.world()["brickowl"]
        assert [accounts[name]["lots"][0]["qty"] for name in "ab"] == [12, 6]
        assert sandbox.calls()[0]["account"] == "b"


# ------------------------------------------------------------------------ limits


def test_a_minute_has_so_many_calls() -> None:
    shop = owl(section(lot(1), calls_per_minute=3))
    assert [shop.get("inventory/list").status_code for _ in range(4)] == [200, 200, 200, 429]
    shop.sandbox.clock.advance(60)
    assert shop.get("inventory/list").status_code == 200


def test_a_minute_has_so_many_batches() -> None:
    shop = owl(section(lot(1), batches_per_minute=2))
    change = {"lot_id": 1, "relative_quantity": -1}
    assert [shop.batch(change).status_code for _ in range(3)] == [200, 200, 429]
    assert shop.quantity(1) == 10
    assert shop.get("inventory/list").status_code == 200


@pytest.mark.parametrize(("position", "told"), [("told", "2"), ("untold", None)])
def test_a_call_too_many_may_be_told_how_long_to_wait(position: str, told: str | None) -> None:
    shop = owl(section(calls_per_minute=1), retry_after=position)
    shop.get("inventory/list")
    answer = shop.get("inventory/list")
    assert (answer.status_code, answer.headers.get("retry-after")) == (429, told)
    assert error(answer) == "Too many requests"


# ------------------------------------------------------------------------ catalogue


def test_a_number_has_one_boid_several_or_none(shop: Owl) -> None:
    def boids(number: str, kind: str = "Part") -> object:
        return shop.get("catalog/id_lookup", id=number, type=kind, id_type="bl_item_no").json()["boids"]

    assert boids("3001") == ["771344"]
    assert boids("3002") == ["700300", "700301"]
    assert boids("3003") == ["700300-38", "700400"]
    assert boids("3001", "Set") == boids("nothing") == []
    assert shop.get("catalog/id_lookup", id="3001", type="PART").status_code == 400


def test_colours_carry_bricklinks_numbers(shop: Owl) -> None:
    colors = shop.get("catalog/color_list").json()
    assert colors["38"]["bl_ids"] == ["5"]
    assert colors["43"]["bl_ids"] == ["9", "86"]
    assert owl(section(colors=[])).get("catalog/color_list").json() == []


def test_items_and_conditions_are_looked_up(shop: Owl) -> None:
    assert "usedg" in shop.get("catalog/condition_list").json()["Part"]
    assert shop.get("catalog/lookup", boid="771344").json()["ids"][1]["id"] == "3001"
    assert shop.get("catalog/lookup", boid="1").status_code == 404
    assert set(shop.get("catalog/bulk_lookup", boids="771344,1,500100").json()["items"]) == {
        "771344",
        "500100",
    }
    assert shop.get("catalog/bulk_lookup", boids=",".join(["1"] * 101)).status_code == 400


# ------------------------------------------------------------------------ faults


def change(shop: Owl) -> httpx.Response:
    return shop.post("inventory/update", lot_id=1, relative_quantity=-2)


@pytest.mark.parametrize(
    ("kind", "more", "left"),
    [
        ("lost_answer", {}, 10),
        ("timeout_before", {}, 12),
    ],
)
def test_a_line_is_cut_before_or_after(shop: Owl, kind: str, more: dict[str, object], left: int) -> None:
    shop.fault(kind, **more)
    with pytest.raises(httpx.RemoteProtocolError):
        change(shop)
    assert shop.quantity(1) == left


@pytest.mark.parametrize(("kind", "left"), [("http", 12), ("http_after", 10)])
@pytest.mark.parametrize("status", [500, 502])
def test_a_server_in_trouble_answers_in_html(shop: Owl, kind: str, status: int, left: int) -> None:
    shop.fault(kind, status=status)
    answer = change(shop)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert shop.quantity(1) == left


@pytest.mark.parametrize(("kind", "left"), [("http", 12), ("http_after", 10)])
def test_a_success_may_hold_an_error(shop: Owl, kind: str, left: int) -> None:
    shop.fault(kind, status=200, code="Something odd")
    answer = change(shop)
    assert (answer.status_code, error(answer)) == (200, "Something odd")
    assert shop.quantity(1) == left


def test_an_answer_may_be_cut_in_its_middle(shop: Owl) -> None:
    shop.fault("malformed")
    answer = change(shop)
    assert answer.text == '{"status":'[: len(answer.text)]
    assert shop.quantity(1) == 10


def test_a_call_may_be_turned_away_as_one_too_many(shop: Owl) -> None:
    shop.fault("throttled")
    assert change(shop).status_code == 429
    assert shop.quantity(1) == 12


def test_a_list_may_be_empty_or_halved(shop: Owl) -> None:
    shop.fault("empty")
    assert shop.lots() == []
    shop.fault("partial")
    assert [each["lot_id"] for each in shop.lots()] == ["1"]


def test_a_list_may_be_stale_for_a_while(shop: Owl) -> None:
    shop.fault("stale_read", times=-1, seconds=5)
    change(shop)
    assert shop.lots(lot_id=1)[0]["qty"] == "12"
    shop.sandbox.clock.advance(6)
    assert shop.lots(lot_id=1)[0]["qty"] == "10"


# ------------------------------------------------------------------------ worlds


def test_settings_point_here(shop: Owl) -> None:
    settings = shop.sandbox.settings("http://127.0.0.1:8710")
    assert settings["BRICKOWL_API_KEY"] == KEY
    assert settings["BRICKOWL_BASE_URL"] == "http://127.0.0.1:8710/brickowl/v1"


def test_a_world_may_say_little() -> None:
    with Sandbox({"brickowl": {"default": {"lots": [{"boid": "5-38", "qty": 1}]}}}) as sandbox:
        account = sandbox.world()["brickowl"]["default"]
    assert account["lots"][0]["lot_id"] == 7_350_001
    assert account["boids"][0]["boid"] == "5"


@pytest.mark.parametrize(
    ("account", "says"),
    [
        ({"lots": [{"boid": "x", "qty": 1}]}, "must be a BOID"),
        ({"lots": [{"boid": "5", "qty": -1}]}, "0 or more"),
        ({"lots": [lot(1), lot(1)]}, "two have the lot_id 1"),
        ({"lots": [{"boid": "5", "qty": 1, "price": 0}]}, "0.001 or more"),
        ({"lots": [{"boid": "5", "qty": 1, "con": "N"}]}, "not known"),
        ({"orders": [{"items": [{"lot_id": 3, "ordered_quantity": 1}]}]}, "there is no lot 3"),
        ({"orders": [{"status_id": 9}]}, "0 to 8"),
        ({"nothing": 1}, "unknown key"),
    ],
)
def test_a_world_that_cannot_be_is_refused(account: dict[str, object], says: str) -> None:
    with pytest.raises(WorldError, match=says):
        Sandbox({"brickowl": {"default": account}})


@pytest.mark.parametrize(
    "event",
    [
        {"kind": "sale", "lot": 1, "quantity": 0},
        {"kind": "nothing"},
        {"kind": "edit", "lot": 1, "colour": 5},
        {"kind": "sale", "lot": 1, "account": "other"},
    ],
)
def test_an_event_that_cannot_be_is_refused(shop: Owl, event: dict[str, object]) -> None:
    with pytest.raises(WorldError):
        shop.sandbox.event({"system": "brickowl", **event})
