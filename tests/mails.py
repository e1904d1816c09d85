"""A real SMTP server on this machine that keeps what it is sent."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from flows.cli.children import free_port

if TYPE_CHECKING:
    from email.message import Message

USER, PASSWORD = "shop@example.com", "very secret/1"


def mail_settings(port: int) -> dict[str, str]:
    """Have Evenstock send its mail to this port."""
    return {
        "ALERT_EMAIL_TO": "ann@example.com,bob@example.com",
        "SMTP_URL": f"smtp://shop%40example.com:very%20secret%2F1@127.0.0.1:{port}",
    }


class PostOffice:
    """What came in."""

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.refuses = False
        self.declines = b""
        self.port = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail in."""
        del server
        if not session.authenticated:
            return "530 who are you?"
        if self.refuses:
            return "451 try again later"
        assert isinstance(envelope.content, bytes)
        if self.declines and self.declines in envelope.content:
            return "554 not such a mail"
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"

    @property
    def settings(self) -> dict[str, str]:
        """Point Evenstock here."""
        return mail_settings(self.port)

    @property
    def subjects(self) -> list[str]:
        """In order."""
        # A long one comes folded, with its spaces.
        return [" ".join(str(mail["Subject"]).split()) for mail in self.mails]


def _knows(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
    del server, session, envelope, mechanism
    assert isinstance(given, LoginPassword)
    is_right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=is_right, handled=is_right)


@contextmanager
def post_office() -> Iterator[PostOffice]:
    """Open until the end; it wants a password."""
    office = PostOffice()
    # The controller calls itself up, which port 0 does not allow.
    office.port = free_port()
    controller = Controller(
        office,
        hostname="127.0.0.1",
        port=office.port,
        authenticator=_knows,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield office
    finally:
        controller.stop()


@contextmanager
def dripping_server() -> Iterator[int]:
    """A mail server that never comes to the end of its greeting; its port."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    while not over.wait(0.05):
                        connection.sendall(b"2")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
