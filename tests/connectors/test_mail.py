"""Mail through a real SMTP server."""

import socket
from collections.abc import Iterator

import pytest

from connectors import mail
from connectors.errors import ConnectorError
from tests.mails import PostOffice, post_office

TO = ("ann@example.com", "bob@example.com")


@pytest.fixture
def office() -> Iterator[PostOffice]:
    with post_office() as opened:
        yield opened


def test_arrives_as_it_was_meant(office: PostOffice) -> None:
    mail.send(office.settings["SMTP_URL"], TO, "Held: 3 lines\nof NIÑO", "Größe 37 → 0\n")

    (sent,) = office.mails
    assert (sent["To"], sent["From"]) == ("ann@example.com, bob@example.com", "shop@example.com")
    assert sent["Subject"] == "Held: 3 lines of NIÑO"
    assert sent.get_content().splitlines() == ["Größe 37 → 0"]  # type: ignore[attr-defined]


def test_a_wrong_password_is_an_error_without_it(office: PostOffice) -> None:
    with pytest.raises(ConnectorError) as caught:
        mail.send(f"smtp://shop:hidden-word@127.0.0.1:{office.port}", TO, "x", "y")
    assert "hidden-word" not in str(caught.value)
    assert office.mails == []


def test_a_server_that_refuses_is_an_error(office: PostOffice) -> None:
    office.refuses = True
    with pytest.raises(ConnectorError, match="try again later"):
        mail.send(office.settings["SMTP_URL"], TO, "x", "y")


def test_no_server_is_an_error() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ConnectorError, match="refused"):
        mail.send(f"smtp://127.0.0.1:{port}", TO, "x", "y")
