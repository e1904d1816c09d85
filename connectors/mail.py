"""Mail through an SMTP server, for what a person should hear of at once."""

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from connectors.errors import ConnectorError, Refused
from connectors.redaction import redact
from connectors.settings import is_loopback

TIMEOUT = 10.0
"""Seconds that the server gets for each answer."""


def send(url: str, to: Sequence[str], subject: str, text: str) -> None:
    """Send one mail through `smtp://user:password@host:port` (or `smtps://`).

    The connection is encrypted wherever the server offers it (RFC 3207), and a password is never sent
    without, except on this machine. Raises, without any secret, Refused when this mail is not taken, though
    another may be, and ConnectorError when none is.
    """
    parts = urlsplit(url)
    host, user = parts.hostname or "", unquote(parts.username or "")
    try:
        with _connected(parts.scheme, host, parts.port) as server:
            if user:
                _log_in(server, user, unquote(parts.password or ""), is_safe=is_loopback(host))
            server.send_message(_message(user, to, subject, text))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        kind = Refused if _is_about_the_mail(error) else ConnectorError
        raise kind(redact(f"{type(error).__name__}: {error}"), system="mail", account=host) from None


def _is_about_the_mail(error: Exception) -> bool:
    """Whether the mail itself was declined for good: https://www.rfc-editor.org/rfc/rfc5321#section-4.2.3."""
    declined = isinstance(error, smtplib.SMTPDataError) and 550 <= error.smtp_code <= 559
    return declined or isinstance(error, UnicodeError)


def _connected(scheme: str, host: str, port: int | None) -> smtplib.SMTP:
    context = ssl.create_default_context()
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port or 465, timeout=TIMEOUT, context=context)
    server = smtplib.SMTP(host, port or 587, timeout=TIMEOUT)
    server.ehlo()
    if server.has_extn("starttls") and not is_loopback(host):
        server.starttls(context=context)
        server.ehlo()
    return server


def _log_in(server: smtplib.SMTP, user: str, password: str, *, is_safe: bool) -> None:
    if not isinstance(server.sock, ssl.SSLSocket) and not is_safe:
        raise smtplib.SMTPException("the server offers no encryption: the password was not sent")
    server.login(user, password)


def _message(user: str, to: Sequence[str], subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = user if "@" in user else to[0]
    message["To"] = ", ".join(to)
    message["Subject"] = " ".join(subject.split())
    message.set_content(text)
    return message
