"""The gateway of AliExpress's stand-in: signatures, times, tokens, permissions, limits, troubles."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from sandbox.aliexpress.signing import signature
from sandbox.faults import CutError
from tests.sandbox.aliexpresser import (
    FIRST,
    KEY,
    REFRESH,
    SECRET,
    SESSION,
    Buyer,
    Json,
    buyer,
    code_of,
    product,
    section,
    signed,
)
from tests.worlds import NOW

SHOP = section(product(1))
SEARCH = {
    "app_key": "APPK", "method": "aliexpress.ds.text.search", "sign_method": "sha256",
    "timestamp": "1700000000000", "session": "ATOK", "format": "json",
    "keyWord": "yoga mat", "countryCode": "FR",
}  # fmt: skip
PRODUCT = {
    "app_key": "APPK", "method": "aliexpress.ds.product.get", "sign_method": "sha256",
    "timestamp": "1700000000000", "access_token": "ATOK", "product_id": "1005006000000001",
    "ship_to_country": "FR", "target_currency": "EUR", "target_language": "fr",
}  # fmt: skip
CREATE = {"app_key": "APPK", "code": "DUMMYCODE", "sign_method": "sha256", "simplify": "true",
          "timestamp": "1700000000000"}  # fmt: skip
RENEW = {"app_key": "APPK", "refresh_token": "RTOK", "sign_method": "sha256", "timestamp": "1700000000000"}


class TestSignature:
    @pytest.mark.parametrize(
        ("params", "path", "expected"),
        [
            (SEARCH, "", "22ACCEEA01395E49C9A1964220A7147F247086AC1619303DAD6A951DCCA54DD2"),
            (
                SEARCH | {"keyWord": "écran 4K & câble"},
                "",
                "4B3C01CFF5EEE63249105582F5DE56777977A055C94CFAAF021D52DBEBA7B439",
            ),
            (PRODUCT, "", "DCD7691410C2A7B25470572FD80D99663B2438FC422730A3F21490FEB778194B"),
            (PRODUCT | {"sign_method": "md5"}, "", "BCC19EEB8666C0645375D71E46599218"),
            (
                CREATE,
                "/auth/token/create",
                "FF93C8DAC68C269E7557712F5F631C7AA2F0A49C5FCC58B9E00A17512DE02170",
            ),
            (
                RENEW,
                "/auth/token/refresh",
                "D7751CCFF4BFFB560D060DE7FF36CDBB6DFF5779D0DEF8998C84552AB4839049",
            ),
        ],
    )
    def test_is_that_of_the_vectors(self, params: dict[str, str], path: str, expected: str) -> None:
        assert signature(params, "TEST_SECRET_123", path) == expected

    @pytest.mark.parametrize("where", ["query", "body", "both"])
    def test_is_over_all_parameters_wherever_they_stand(self, where: str) -> None:
        shop = buyer(SHOP)
        said = shop.system(method="aliexpress.ds.product.get", session=SESSION)
        own = {"product_id": str(FIRST), "ship_to_country": "ES", "target_language": "es ñ&="}
        sign = {"sign": signed(said | own)}
        query = {"query": said | own | sign, "body": {}, "both": said | sign}[where]
        body = {"query": {}, "body": said | own | sign, "both": own}[where]
        for path in ("/sync", "/rest"):
            answer = shop.client.post(path, params=query, data=body).json()
            assert answer["aliexpress_ds_product_get_response"]["rsp_code"] == 200
        if where == "query":
            assert (
                "result"
                in shop.client.get("/sync", params=query).json()["aliexpress_ds_product_get_response"]
            )

    def test_breaks_by_what_is_sent_and_not_signed(self) -> None:
        shop = buyer(SHOP)
        said = shop.system(method="aliexpress.ds.category.get", session=SESSION)
        assert code_of(shop.raw(**said, sign=signed(said), more="1")) == "IncompleteSignature"
        assert code_of(shop.raw(**said, sign=signed(said, "other"))) == "IncompleteSignature"
        assert code_of(shop.raw(**said)) == "IncompleteSignature"

    @pytest.mark.parametrize(("at", "expected"), [("taken", None), ("refused", "IncompleteSignature")])
    @pytest.mark.parametrize("method", ["md5", "hmac"])
    def test_of_old_clients_is_taken_or_not(self, method: str, at: str, expected: str | None) -> None:
        shop = buyer(SHOP, {"old_signs": at})
        said = shop.system(method="aliexpress.ds.category.get", session=SESSION, sign_method=method)
        answer = shop.raw(**said, sign=signature(said, SECRET))
        assert (code_of(answer) if "error_response" in answer else None) == expected

    def test_is_read_out_of_a_multipart_form(self) -> None:
        shop = buyer(SHOP)
        said = shop.system(method="aliexpress.ds.category.get", session=SESSION)
        parts = {name: (None, value) for name, value in (said | {"sign": signed(said)}).items()}
        answer = shop.client.post("/sync", files={**parts, "file": ("a.png", b"\x89", "image/png")}).json()
        assert "aliexpress_ds_category_get_response" in answer


class TestTime:
    @pytest.mark.parametrize(
        ("text", "fits"),
        [
            (f"{NOW.timestamp() * 1000:.0f}", True),
            (f"{(NOW.timestamp() - 7199) * 1000:.0f}", True),
            (f"{(NOW.timestamp() + 7201) * 1000:.0f}", False),
            ((NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"), True),
            ((NOW - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ"), False),
            ((NOW + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M:%S"), True),
            (NOW.strftime("%Y-%m-%d %H:%M:%S"), False),
            ("yesterday", False),
            ("20261121100000", False),
            ("9" * 40, False),
        ],
    )
    def test_may_be_off_by_two_hours(self, text: str, *, fits: bool) -> None:
        shop = buyer(SHOP)
        said = shop.system(method="aliexpress.ds.category.get", session=SESSION, timestamp=text)
        answer = shop.raw(**said, sign=signed(said))
        assert ("error_response" not in answer) == fits
        assert fits or code_of(answer) == "IllegalTimestamp"


class TestOrderOfChecks:
    def test_who_when_how_then_what(self) -> None:
        shop = buyer(SHOP | {"denied": ["aliexpress.ds.product.get"]})
        said = shop.system(
            method="aliexpress.ds.product.get", session="none", app_key="nobody", timestamp="1"
        )
        codes = []
        for better in ({}, {"app_key": KEY}, {"timestamp": f"{NOW.timestamp() * 1000:.0f}"}):
            said |= better
            codes.append(code_of(shop.raw(**said)))
        codes.append(code_of(shop.raw(**said, sign=signed(said))))
        assert codes == ["InvalidAppKey", "IllegalTimestamp", "IncompleteSignature", "InsufficientPermission"]

    def test_a_token_comes_before_parameters(self) -> None:
        shop = buyer(SHOP)
        assert code_of(shop.ask("aliexpress.ds.product.get")) == "MissingParameter"
        shop.token = "another"
        assert code_of(shop.ask("aliexpress.ds.product.get")) == "IllegalAccessToken"

    def test_a_missing_parameter_is_named(self) -> None:
        answer = buyer(SHOP).ask("aliexpress.ds.product.get", product_id=FIRST)
        assert '"ship_to_country"' in answer["error_response"]["msg"]

    def test_what_is_not_there(self) -> None:
        shop = buyer(SHOP)
        assert code_of(shop.ask("aliexpress.ds.nothing")) == "InvalidApiPath"
        assert code_of(shop.token_for("/auth/token/none")) == "InvalidApiPath"

    def test_strange_addresses_are_turned_away(self) -> None:
        assert code_of(buyer(SHOP | {"white_ips": ["203.0.113.9"]}).product()) == "AppWhiteIpLimit"

    def test_errors_may_stand_at_the_top(self) -> None:
        answer = buyer(SHOP, {"errors": "top"}).ask("aliexpress.ds.nothing")
        assert (answer["code"], "message" in answer) == ("InvalidApiPath", True)


class TestTokens:
    def test_consent_brings_a_code_that_works_once_and_for_three_minutes(self) -> None:
        shop = buyer(SHOP | {"redirect_uri": "https://own.example/back"})
        asked = {
            "response_type": "code",
            "client_id": KEY,
            "redirect_uri": "https://own.example/back",
            "state": "s",
        }

        def code() -> str:
            location = shop.client.get("/oauth/authorize", params=asked).headers["location"]
            found = parse_qs(urlsplit(location).query)
            assert found["state"] == ["s"]
            return found["code"][0]

        first = code()
        pair = shop.token_for("/auth/token/create", code=first)
        assert (pair["code"], pair["expires_in"], pair["refresh_expires_in"]) == (
            "0",
            2_592_000,
            180 * 86_400,
        )
        assert pair["expire_time"] == (NOW.timestamp() + 2_592_000) * 1000
        again = shop.token_for("/auth/token/create", code=first)
        assert (again["code"], "message" in again) == ("InvalidCode", True)
        late = code()
        shop.sandbox.clock.advance(181)
        assert shop.token_for("/auth/token/create", code=late)["code"] == "InvalidCode"
        shop.token = pair["access_token"]
        assert shop.product()["rsp_code"] == 200

    def test_end_by_the_clock(self) -> None:
        shop = buyer(SHOP | {"session_days": 7, "state": "test"})
        shop.sandbox.clock.advance(7 * 86_400 - 1)
        assert shop.product()["rsp_code"] == 200
        shop.sandbox.clock.advance(1)
        assert code_of(shop.product()) == "IllegalAccessToken"
        pair = shop.token_for("/auth/token/refresh", refresh_token=REFRESH)
        assert pair["expires_in"] == 7 * 86_400
        shop.token = pair["access_token"]
        assert shop.product()["rsp_code"] == 200
        shop.sandbox.clock.advance(30 * 86_400)
        over = shop.token_for("/auth/token/refresh", refresh_token=pair["refresh_token"])
        assert over["code"] == "IllegalRefreshToken"

    @pytest.mark.parametrize(("at", "lives"), [("lives", True), ("dies", False)])
    def test_a_renewal_spends_the_refresh_token(self, at: str, *, lives: bool) -> None:
        shop = buyer(SHOP, {"renewed": at})
        shop.token_for("/auth/token/security/refresh", refresh_token=REFRESH)
        again = shop.token_for("/auth/token/refresh", refresh_token=REFRESH)
        assert again["code"] == "IllegalRefreshToken"
        assert ("rsp_code" in shop.product()) == lives

    def test_may_be_named_either_way(self) -> None:
        shop = buyer(SHOP)
        said = shop.system(method="aliexpress.ds.category.get", access_token=SESSION)
        assert "aliexpress_ds_category_get_response" in shop.raw(**said, sign=signed(said))

    def test_a_world_keeps_them(self) -> None:
        shop = buyer(SHOP)
        pair = shop.token_for("/auth/token/refresh", refresh_token=REFRESH)
        before = shop.sandbox.world()
        shop.sandbox.put_world(before)
        assert shop.sandbox.world() == before
        shop.token = pair["access_token"]
        assert shop.product()["rsp_code"] == 200

    def test_can_be_ended_from_outside(self) -> None:
        shop = buyer(SHOP)
        shop.event("expire")
        assert code_of(shop.product()) == "IllegalAccessToken"
        shop.event("revoke")
        assert shop.token_for("/auth/token/refresh", refresh_token=REFRESH)["code"] == "IllegalRefreshToken"
        shop.event("authorise", code="by-hand")
        assert shop.token_for("/auth/token/create", code="by-hand")["code"] == "0"


def said_seconds(answer: Json) -> int:
    return int(answer["error_response"]["msg"].rpartition("last ")[2].split()[0])


class TestLimits:
    def test_of_an_api_and_a_second(self) -> None:
        shop = buyer(SHOP | {"calls_per_second": 2})
        answers = [shop.product() for _ in range(3)]
        assert [each.get("rsp_code") for each in answers] == [200, 200, None]
        assert (code_of(answers[2]), said_seconds(answers[2])) == ("ApiCallLimit", 1)
        assert "resp_result" in shop.ask("aliexpress.ds.category.get")
        shop.sandbox.clock.advance(1)
        assert shop.product()["rsp_code"] == 200

    @pytest.mark.parametrize(
        ("limit", "code"), [("daily_limit", "AppApiCallLimit"), ("app_daily_limit", "AppCallLimit")]
    )
    def test_of_a_day_last_until_midnight_in_china(self, limit: str, code: str) -> None:
        shop = buyer(SHOP | {limit: 1})
        shop.product()
        refused = shop.product()
        assert (code_of(refused), said_seconds(refused)) == (code, 6 * 3600)
        other = shop.ask("aliexpress.ds.category.get")
        assert ("error_response" in other) == (limit == "app_daily_limit")
        shop.sandbox.clock.advance(6 * 3600)
        assert shop.product()["rsp_code"] == 200

    def test_are_never_told_by_headers(self) -> None:
        shop = buyer(SHOP)
        said = shop.system(method="aliexpress.ds.category.get", session=SESSION)
        headers = shop.client.post("/sync", data=said | {"sign": signed(said)}).headers
        assert not [name for name in headers if "limit" in name]


class TestFaults:
    def meet(self, shop: Buyer, **fault: object) -> None:
        shop.sandbox.faults([{"system": "aliexpress", "operation": "aliexpress.ds.product.get", **fault}])

    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            ({"kind": "http", "code": "ServiceTimeout"}, "ServiceTimeout"),
            ({"kind": "http", "code": "15", "status": 500}, "15"),
            ({"kind": "throttled"}, "ApiCallLimit"),
            ({"kind": "throttled", "seconds": 14229}, "AppApiCallLimit"),
        ],
    )
    def test_with_a_code_are_told_inside_a_200(self, fault: dict[str, object], code: str) -> None:
        shop = buyer(SHOP)
        self.meet(shop, **fault)
        answer = shop.product()
        assert code_of(answer) == code
        assert answer["error_response"]["type"] == {"15": "ISP", "ServiceTimeout": "SYSTEM"}.get(code, "ISV")

    @pytest.mark.parametrize("status", [404, 502])
    def test_without_one_are_a_proxys_page(self, status: int) -> None:
        shop = buyer(SHOP)
        self.meet(shop, kind="http", status=status)
        said = shop.system(method="aliexpress.ds.product.get", session=SESSION)
        response = shop.client.post("/sync", data=said | {"sign": signed(said)})
        assert (response.status_code, response.text[:9]) == (status, "<!DOCTYPE")

    def test_make_a_list_short_as_if_it_were_whole(self) -> None:
        shop = buyer(section(*map(product, range(1, 5))))
        for kind, count in (("partial", 2), ("empty", 0)):
            shop.sandbox.faults([{"system": "aliexpress", "kind": kind}])
            result = shop.ask("aliexpress.ds.feed.itemids.get", feed_name="best", page_size=4)["result"]
            assert (len(result["products"]), result["total"], "search_id" in result) == (count, count, False)

    def test_an_order_may_be_made_and_its_answer_lost(self) -> None:
        shop = buyer(SHOP)
        shop.sandbox.faults([{"system": "aliexpress", "kind": "lost_answer"}])
        with pytest.raises(CutError):
            shop.token_for("/auth/token/refresh", refresh_token=REFRESH)
        assert shop.token_for("/auth/token/refresh", refresh_token=REFRESH)["code"] == "IllegalRefreshToken"


def test_prints_the_settings_that_point_here() -> None:
    printed = buyer(SHOP).sandbox.settings("http://127.0.0.1:1")
    assert {name: value for name, value in printed.items() if name.startswith("ALIEXPRESS")} == {
        "ALIEXPRESS_API_KEY": KEY,
        "ALIEXPRESS_API_SECRET": SECRET,
        "ALIEXPRESS_SESSION": SESSION,
        "ALIEXPRESS_REFRESH_TOKEN": REFRESH,
        "ALIEXPRESS_BASE_URL": "http://127.0.0.1:1/aliexpress",
    }
