"""Nothing that looks like a secret survives; what a person needs to read does."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import redaction
from connectors.redaction import install, one_line, redact

SECRET = "s3cr3tV4lue"

WITH_SECRET = [
    f"https://shop.example/path?access_token={SECRET}&page=2",
    f"https://shop.example/path#{SECRET}",
    f"https://user:{SECRET}@shop.example/path",
    f"https://{SECRET}@shop.example/path",
    f"postgresql+psycopg://evenstock:{SECRET}@db.example/ledger",
    f"https://user:p@{SECRET}@shop.example/path",
    f"Authorization: Bearer {SECRET}",
    f'authorization: OAuth oauth_consumer_key="{SECRET}", oauth_token="{SECRET}"',
    f"X-Shopify-Access-Token: {SECRET}",
    f"(b'X-Shopify-Access-Token', b'{SECRET}')",
    f"[('x-api-key', '{SECRET}')]",
    f'{{"access_token": "{SECRET}", "scope": "read_products"}}',
    f"{{'client_secret': '{SECRET}'}}",
    f"Set-Cookie: sid={SECRET}; Path=/",
    f"grant_type=client_credentials&client_secret={SECRET}&x=1",
    f"password={SECRET} was wrong",
    f"app_key={SECRET}&sign={SECRET}&session={SECRET}",
    f"key={SECRET}",
    f"sent bearer {SECRET} to it",
    f"invalid access token shpat_{SECRET}",
    f"shpss_{SECRET}",
]


class TestRedact:
    @pytest.mark.parametrize("text", WITH_SECRET)
    def test_takes_the_secret_out(self, text: str) -> None:
        assert SECRET not in redact(text)

    @pytest.mark.parametrize("text", WITH_SECRET)
    def test_finds_nothing_more_the_second_time(self, text: str) -> None:
        assert redact(redact(text)) == redact(text)

    def test_keeps_host_and_path(self) -> None:
        text = redact(
            f'HTTP Request: POST https://u:{SECRET}@shop.example/admin/x.json?t={SECRET} "HTTP/1.1 200 OK"'
        )
        assert text == 'HTTP Request: POST https://shop.example/admin/x.json?*** "HTTP/1.1 200 OK"'

    def test_keeps_the_other_parameters_of_a_form(self) -> None:
        assert redact(f"a=1&token={SECRET}&b=2") == "a=1&token=***&b=2"

    @pytest.mark.parametrize(
        "text",
        [
            "shopify demo products: status 404: Not Found",
            "the key was already used: IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
            "level of SKU 75192-1 at location 5: 10 → 12",
            "https://shop.example/admin/api/2026-10/graphql.json",
            "Field 'keys' doesn't exist on type 'Token'",
            "mail to owner@shop.example",
            "tokens: 3 of 5 monkeys",
        ],
    )
    def test_leaves_plain_words_alone(self, text: str) -> None:
        assert redact(text) == text

    @given(
        st.text(alphabet=st.characters(categories=["L", "N"]), min_size=12),
        st.sampled_from(["=", ": ", "': '"]),
    )
    def test_hides_any_value_of_a_secret_name(self, value: str, sign: str) -> None:
        assert value not in redact(f"'access_token{sign}{value}'")

    @given(st.text())
    def test_takes_any_text(self, text: str) -> None:
        assert isinstance(redact(text), str)


class TestOneLine:
    def test_is_one_line_and_not_longer_than_asked(self) -> None:
        assert one_line("a\n  b\t c\x1b[31m") == "a b c [31m"
        assert one_line("x" * 500, 20) == "x" * 19 + "…"

    def test_redacts_before_it_cuts(self) -> None:
        assert "shpat" not in one_line("token shpat_abcdefghijkl", 15)


class TestInstall:
    @pytest.mark.parametrize("name", redaction.LOGGERS)
    def test_redacts_what_the_http_libraries_log(self, name: str, caplog: pytest.LogCaptureFixture) -> None:
        install()
        with caplog.at_level(logging.DEBUG, logger=name):
            logging.getLogger(name).info("%s %s", "GET", f"https://u:{SECRET}@shop.example/a?token={SECRET}")
        assert caplog.messages == ["GET https://shop.example/a?***"]

    def test_may_be_called_again(self) -> None:
        install()
        install()
        filters = logging.getLogger("httpx").filters
        assert sum(isinstance(each, redaction.Redaction) for each in filters) == 1

    def test_lets_a_record_pass_that_cannot_be_formatted(self) -> None:
        install()
        record = logging.LogRecord("httpx", logging.INFO, "", 0, "%d %s", ("x",), None)
        assert redaction.Redaction().filter(record)
        assert record.getMessage() == "%d %s"
