"""Keep secrets out of everything that people or logs get to see."""

import logging
import re

HIDDEN = "***"

_SURE = (
    r"authorization|token|secret|passw(?:or)?d|pwd|passphrase|signature|hmac|cookie|credentials?"
    r"|(?:api|app|consumer|private|shared|access)[_-]?key"
)
# In prose "key:" and "session:" are mere words; as names of parameters they are not.
_HEADER = rf"[\w.-]*(?:{_SURE})"
_NAME = rf"[\w.-]*(?:{_SURE}|session|\bkey|\bsign)"
_QUOTED = r"b?\"(?:\\.|[^\"\\])*\"|b?'(?:\\.|[^'\\])*'"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # The greedy match takes in a password that itself holds an @.
    (re.compile(r"([a-z][\w+.-]*://)[^/\s?#\"'<>]*@", re.IGNORECASE), r"\1"),
    (re.compile(r"([a-z][\w+.-]*://[^\s?#\"'<>]*)[?#][^\s\"'<>]*", re.IGNORECASE), rf"\1?{HIDDEN}"),
    # A pair of a dictionary, a list of headers or a JSON document: "name": "value", (b'name', b'value').
    (
        re.compile(rf"(b?[\"']{_NAME}[\"']\s*[:=,]\s*)(?:{_QUOTED}|[^\s,}}\])]+)", re.IGNORECASE),
        rf"\1'{HIDDEN}'",
    ),
    # A header line: all of it, as the values of some have spaces and commas.
    (re.compile(rf"(?<![\w.-])({_HEADER}\s*:)\s*[^\r\n]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?<![\w.-])({_NAME}\s*=\s*)(?:{_QUOTED}|[^\s&,;\"']+)", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b(Bearer|Basic|OAuth|Digest)\s+[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # https://shopify.dev/docs/apps/build/authentication-authorization: shpat_, shpca_, shpss_, …
    (re.compile(r"\bshp[a-z]{2,4}_[0-9A-Za-z]+"), HIDDEN),
)

# Filters of a logger do not see the records of the loggers below it, so each is named.
LOGGERS = (
    "httpx",
    "httpcore",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)


def redact(text: str) -> str:
    """The text without tokens, keys, passwords, and without user names and queries of URLs.

    A URL keeps its host and path. Rather hides too much than too little.
    """
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def one_line(text: str, limit: int = 300) -> str:
    """The redacted text in one line of printable characters, cut after `limit` of them."""
    # Cut last: half a token would no longer look like one.
    line = " ".join("".join(each if each.isprintable() else " " for each in redact(text)).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


class Redaction(logging.Filter):
    """Redacts the message of every record; lets all of them pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the record's message by its redacted text."""
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = str(record.msg)
        record.msg, record.args = redact(text), ()
        return True


_REDACTION = Redaction()


def install() -> None:
    """Redact what httpx and httpcore log: their lines show whole URLs and headers. May be called again."""
    for name in LOGGERS:
        # A filter that is already there is not added twice.
        logging.getLogger(name).addFilter(_REDACTION)
