"""The signs that log lines of supplier jobs begin with, as the origin document gives them."""

from enum import StrEnum


class Sign(StrEnum):
    """What a line is about."""

    START = "🔄"
    INFORMATION = "📋"
    JOB = "🚀"
    SUCCESS = "✅"
    ERROR = "❌"
    MAINTENANCE = "🧹"
    STOCK = "📦"
    PRICE = "💰"


def signed(sign: Sign, text: str, *, shown: bool) -> str:
    """A line with its sign, unless EVENSTOCK_LOG_SIGNS=false."""
    return f"{sign} {text}" if shown else text
