"""Every setting of Evenstock, read from the environment and `.env`; nothing else reads the environment.

    settings = load_settings()
    settings.require("SHOPIFY_STORE_DOMAIN", "SHOPIFY_ADMIN_TOKEN", "RMS_DATABASE_URL")

A variable of the environment wins over the same one in `.env`; an empty one counts as not set.
"""

import base64
import binascii
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from types import NoneType
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from dotenv.parser import Binding, parse_stream
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connectors.errors import ConfigurationError


class QuantityName(StrEnum):
    """Which of Shopify's quantities an RMS quantity is."""

    AVAILABLE = "available"
    ON_HAND = "on_hand"


class Rollback(StrEnum):
    """What is taken back when a product's writes partly fail; `raises` is whatever could oversell."""

    ALL = "all"
    RAISES = "raises"
    OFF = "off"


class MissingLevel(StrEnum):
    """What to do with a level that is inactive or not stocked at the configured location."""

    REFUSE = "refuse"
    ACTIVATE = "activate"


class CancelledOrders(StrEnum):
    """Whether the units of a cancelled marketplace order wait for a person or go back at once."""

    REVIEW = "review"
    RESTOCK = "restock"


def is_loopback(host: str | None) -> bool:
    """Whether `host` can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _base_url(text: str) -> str:
    """A base URL without its final slash. Raises ValueError unless it is https, or http to this machine."""
    parts = urlsplit(text.strip().rstrip("/"))
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must be a base URL without user name, password, query or fragment")
    if not parts.hostname or parts.scheme not in {"http", "https"}:
        raise ValueError("must be a base URL that begins with https://")
    if parts.port == 0:
        raise ValueError("port 0 cannot be called")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("http is allowed to this machine only (127.0.0.1, ::1, localhost); use https")
    return parts.geturl()


_MYSHOPIFY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com")
"""A part of a host's name has 63 characters at most (https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4)."""


def _store_domain(text: str) -> str:
    """`name.myshopify.com`, or the base URL of a stand-in on this machine.

    Shopify's admin answers there only, and the token goes nowhere else
    (https://shopify.dev/docs/api/admin-graphql).
    """
    domain = text.strip().lower().removeprefix("https://").rstrip("/")
    if _MYSHOPIFY.fullmatch(domain):
        return domain
    if "://" in text:
        url = _base_url(text)
        if is_loopback(urlsplit(url).hostname):
            return url
    raise ValueError("must be name.myshopify.com, or a base URL http://127.0.0.1:… of the sandbox")


def store_url(text: str) -> str:
    """The base URL of a store at `name.myshopify.com`, or of a stand-in on this machine.

    Raises ValueError for anything else.
    """
    domain = _store_domain(text)
    return domain if "://" in domain else f"https://{domain}"


def _location_id(value: object) -> object:
    """The number in `gid://shopify/Location/123`; anything else unchanged."""
    return value.strip().removeprefix("gid://shopify/Location/") if isinstance(value, str) else value


def _database_url(secret: SecretStr) -> SecretStr:
    if not re.match(r"[a-z][a-z0-9_]*(\+[a-z0-9_]+)?://", secret.get_secret_value()):
        raise ValueError("must be an SQLAlchemy URL such as mssql+pymssql://user:password@host/database")
    return secret


def _smtp_url(secret: SecretStr) -> SecretStr:
    parts = urlsplit(secret.get_secret_value())
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        raise ValueError("must look like smtp://user:password@host:port")
    return secret


def _secret_keys(secret: SecretStr) -> SecretStr:
    for key in secret.get_secret_value().split(","):
        try:
            size = len(base64.b64decode(key.strip(), altchars=b"-_", validate=True))
        except (binascii.Error, ValueError):
            size = 0
        if size != 32:
            raise ValueError("each key must be 32 bytes in URL-safe base64; several are separated by commas")
    return secret


def _webhook_secrets(secret: SecretStr) -> SecretStr:
    found = [each.strip() for each in secret.get_secret_value().split(",")]
    if len(found) > 2 or not all(found):
        raise ValueError("must be one secret, or the new one, a comma and the old one")
    return secret


def _moment(value: object) -> object:
    """An ISO time; one without a zone is UTC."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("must be an ISO time such as 2026-11-21T09:30:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone's name such as Europe/Madrid") from None
    return name


def _hours_or_never(value: object) -> object:
    return None if isinstance(value, str) and value.strip().lower() == "never" else value


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _address(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise ValueError("must be mail addresses separated by commas")
    return text


def _block(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", name):
        raise ValueError("must be blocks as type/name, such as slack-webhook/ops, separated by commas")
    return name


def _interval(text: str) -> str:
    """`flow=hours` or `flow@account=hours`; `never`: it is not watched."""
    found = re.fullmatch(r"([a-z0-9-]+(?:@[^=\s]+)?)\s*=\s*(never|\d{1,6}(?:\.\d{1,6})?)", text)
    if not found or (found[2] != "never" and float(found[2]) <= 0):
        raise ValueError(
            "must be flow=hours or flow=never, such as reverse-stock-sync=24, separated by commas"
        )
    return f"{found[1]}={found[2]}"


def _default_database() -> SecretStr:
    """SQLite in `.evenstock/` of the project, which is the folder Evenstock is started in."""
    try:
        project = Path.cwd()
    except FileNotFoundError:
        raise ConfigurationError("the folder that this was started in is gone: go to another one") from None
    return SecretStr(f"sqlite:///{project / '.evenstock' / 'ledger.db'}")


BaseUrl = Annotated[str, AfterValidator(_base_url)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Hours = Annotated[float, Field(gt=0, le=24 * 366)]
ZoneName = Annotated[str, AfterValidator(_zone)]
Address = Annotated[str, AfterValidator(_address)]
BlockName = Annotated[str, AfterValidator(_block)]
Interval = Annotated[str, AfterValidator(_interval)]
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]


class Settings(BaseSettings):
    """All settings: a field is its variable in lower case. Credentials are `SecretStr`, hidden in repr."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        allow_inf_nan=False,
        env_file_encoding="utf-8-sig",
    )

    shopify_store_domain: Annotated[str, AfterValidator(_store_domain)] | None = None
    shopify_admin_token: SecretStr | None = None
    shopify_client_id: str | None = None
    shopify_client_secret: SecretStr | None = None
    shopify_api_version: str = Field("2026-10", pattern=r"^20\d\d-(01|04|07|10)$")
    shopify_location_id: Annotated[int, BeforeValidator(_location_id), Field(gt=0)] | None = None
    shopify_webhook_secret: Annotated[SecretStr, AfterValidator(_webhook_secrets)] | None = None
    shopify_webhook_queue: int = Field(1_000, ge=1, le=1_000_000)
    shopify_webhook_gather_seconds: float = Field(2.0, ge=0, le=300)
    shopify_read_path: Literal["auto", "pages", "bulk"] = "auto"
    partner_client_id: str | None = None
    partner_client_secret: SecretStr | None = None

    rms_database_url: DatabaseUrl | None = None
    rms_order_delay_minutes: int = Field(0, ge=0, le=7 * 24 * 60)

    evenstock_database_url: DatabaseUrl = Field(default_factory=_default_database)
    evenstock_secret_key: Annotated[SecretStr, AfterValidator(_secret_keys)] | None = None
    evenstock_writes: bool = True
    evenstock_now: Annotated[datetime, BeforeValidator(_moment)] | None = None
    evenstock_callback_secret: SecretStr | None = None
    evenstock_allow_private_urls: bool = False
    evenstock_log_signs: bool = True
    disable_external_calls: bool = False

    enable_reverse_stock_sync: bool = True
    reverse_sync_delay_minutes: int = Field(5, ge=0, le=24 * 60)
    reverse_sync_delete_zero_stock: bool = True
    reverse_sync_batch_size: int = Field(50, ge=1, le=250)
    reverse_sync_preserve_single_variant: bool = True
    reverse_sync_max_concurrent: int = Field(10, ge=1, le=100)
    partner_sync_max_concurrent: int = Field(10, ge=1, le=100)
    partner_sync_fan_out_minutes: int = Field(45, ge=1, le=24 * 60)
    reverse_sync_quantity_name: QuantityName = QuantityName.AVAILABLE
    reverse_sync_rollback: Rollback = Rollback.ALL
    reverse_sync_recent_order_days: int = Field(30, ge=1, le=3650)
    reverse_sync_zero_days: int = Field(0, ge=0, le=3650)
    reverse_sync_missing_level: MissingLevel = MissingLevel.REFUSE
    reverse_sync_lock_seconds: int = Field(300, ge=1, le=24 * 3600)
    reverse_sync_exclude_tag: str = Field("evenstock-ignore", min_length=1, max_length=255)
    reverse_sync_timezone: ZoneName | None = None

    inventory_refresh_batch_size: int = Field(50, ge=1, le=250)
    inventory_refresh_spacing_seconds: float = Field(0.0, ge=0, le=60)
    inventory_refresh_cooldown_minutes: float = Field(5.0, ge=0, le=24 * 60)
    inventory_low_stock: int = Field(5, ge=0, le=1_000_000)

    min_zero_count: Count = 5
    max_zero_share: Share = 0.25
    max_zero_count: Count = 500
    max_fall_share: Share = 0.5
    max_rise_factor: float = Field(5.0, ge=1)
    max_quantity: int = Field(1_000_000, ge=0, le=1_000_000_000)
    max_deletions: Count = 50
    maintenance_log_days: int = Field(30, ge=1, le=3650)
    maintenance_job_days: int = Field(7, ge=1, le=3650)
    maintenance_plan_days: int = Field(30, ge=1, le=3650)
    maintenance_artifact_days: int = Field(30, ge=1, le=3650)
    maintenance_late_hours: float = Field(6.0, gt=0, le=24 * 30)
    supplier_order_delay_hours: float = Field(24.0, ge=0, le=24 * 14)
    max_price_jump: float = Field(2.0, gt=1, le=1000)
    plan_expires_hours: Hours = 24.0
    gone_after_hours: Annotated[Hours | None, BeforeValidator(_hours_or_never)] = 24.0
    stale_after_hours: Hours = 48.0

    http_max_attempts: int = Field(5, ge=1, le=20)
    http_base_delay: float = Field(1.0, ge=0, le=60)
    http_max_delay: float = Field(30.0, ge=0, le=600)

    bricklink_consumer_key: SecretStr | None = None
    bricklink_consumer_secret: SecretStr | None = None
    bricklink_token: SecretStr | None = None
    bricklink_token_secret: SecretStr | None = None
    bricklink_base_url: BaseUrl | None = None
    brickowl_api_key: SecretStr | None = None
    brickowl_base_url: BaseUrl | None = None
    bigbuy_api_key: SecretStr | None = None
    bigbuy_base_url: BaseUrl | None = None
    aliexpress_api_key: SecretStr | None = None
    aliexpress_api_secret: SecretStr | None = None
    aliexpress_session: SecretStr | None = None
    aliexpress_refresh_token: SecretStr | None = None
    aliexpress_base_url: BaseUrl | None = None
    supplier_jobs_max_concurrent: int = Field(4, ge=1, le=50)
    supplier_jobs_per_account: int = Field(2, ge=1, le=50)
    cancelled_orders: CancelledOrders = CancelledOrders.REVIEW

    alert_email_to: Annotated[tuple[Address, ...], NoDecode, BeforeValidator(_split)] = ()
    smtp_url: Annotated[SecretStr, AfterValidator(_smtp_url)] | None = None
    alert_blocks: Annotated[tuple[BlockName, ...], NoDecode, BeforeValidator(_split)] = ()
    watch_intervals: Annotated[tuple[Interval, ...], NoDecode, BeforeValidator(_split)] = (
        "reverse-stock-sync=24",
        "partner-sync=1",
        "automated-sync=1",
        "marketplace-sync@all=0.1",
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Settings that make no sense together."""
        if self.http_max_delay < self.http_base_delay:
            raise ValueError("HTTP_MAX_DELAY must not be shorter than HTTP_BASE_DELAY")
        if self.rms_order_delay_minutes and self.reverse_sync_quantity_name is QuantityName.ON_HAND:
            raise ValueError("RMS_ORDER_DELAY_MINUTES works with REVERSE_SYNC_QUANTITY_NAME=available only")
        if self.shopify_client_secret and not self.shopify_client_id:
            raise ValueError("SHOPIFY_CLIENT_SECRET needs SHOPIFY_CLIENT_ID")
        if bool(self.partner_client_secret) != bool(self.partner_client_id):
            raise ValueError("PARTNER_CLIENT_ID and PARTNER_CLIENT_SECRET need each other")
        return self

    @property
    def shopify_base_url(self) -> str:
        """The own store's base URL, without a final slash. Raises ConfigurationError if no store is set."""
        domain = self.needed("SHOPIFY_STORE_DOMAIN")
        return domain if "://" in domain else f"https://{domain}"

    @property
    def shop(self) -> str:
        """The own store's short name: its domain, or the stand-in's last path segment."""
        return self.needed("SHOPIFY_STORE_DOMAIN").rsplit("/", 1)[-1]

    @property
    def partner_app(self) -> tuple[str, str]:
        """Client id and secret of the app that partners consent to: their own, else the own store's.

        Raises ConfigurationError if neither is set.
        """
        if self.partner_client_id is None and self.shopify_client_secret is None:
            raise ConfigurationError(
                "not set: PARTNER_CLIENT_ID, PARTNER_CLIENT_SECRET (or SHOPIFY_CLIENT_ID and "
                "SHOPIFY_CLIENT_SECRET): the app that partners consent to"
            )
        prefix = "SHOPIFY" if self.partner_client_id is None else "PARTNER"
        return self.needed(f"{prefix}_CLIENT_ID"), self.needed(f"{prefix}_CLIENT_SECRET")

    @property
    def webhook_secrets(self) -> tuple[SecretStr, ...]:
        """What web hooks are signed with, the newest first; of the app, if they have none of their own.

        For an hour after a rotation Shopify may still sign with the old one:
        https://shopify.dev/docs/apps/build/webhooks/subscribe/https
        """
        if self.shopify_webhook_secret is None and self.shopify_client_secret is not None:
            return (self.shopify_client_secret,)
        secrets = self.needed("SHOPIFY_WEBHOOK_SECRET").split(",")
        return tuple(SecretStr(each.strip()) for each in secrets)

    def now(self) -> datetime:
        """EVENSTOCK_NOW, else the clock; always aware and UTC."""
        return self.evenstock_now or datetime.now(UTC)

    def require(self, *names: str) -> None:
        """Raise one ConfigurationError that names every variable of `names` that is not set.

        Asking for SHOPIFY_ADMIN_TOKEN is also satisfied by SHOPIFY_CLIENT_ID with SHOPIFY_CLIENT_SECRET.
        """
        missing = [text for name in names if (text := self._missing(name.upper()))]
        if missing:
            raise ConfigurationError(f"not set: {', '.join(missing)} (in the environment or in .env)")

    def needed(self, name: str) -> str:
        """The plain text of one variable, secrets included. Raises ConfigurationError if it is not set."""
        value = self._value(name.upper())
        if value is None:
            raise ConfigurationError(f"not set: {name.upper()} (in the environment or in .env)")
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    def shown(self) -> dict[str, str]:
        """Every variable with its value as text, for people; a secret is only `set` or `not set`."""
        return {name: _shown(name, self._value(name)) for name in VARIABLES}

    def _value(self, name: str) -> object:
        value: object = getattr(self, name.lower())
        return value

    def _missing(self, name: str) -> str | None:
        if self._value(name) is not None:
            return None
        if name != "SHOPIFY_ADMIN_TOKEN" or (self.shopify_client_id and self.shopify_client_secret):
            return name if name != "SHOPIFY_ADMIN_TOKEN" else None
        if self.shopify_client_id:
            return "SHOPIFY_CLIENT_SECRET"
        return "SHOPIFY_ADMIN_TOKEN (or SHOPIFY_CLIENT_ID and SHOPIFY_CLIENT_SECRET)"


def _shown(name: str, value: object) -> str:
    special = {
        ("EVENSTOCK_WRITES", True): "on",
        ("EVENSTOCK_WRITES", False): "off",
        ("GONE_AFTER_HOURS", None): "never",
    }
    if isinstance(value, (bool, NoneType)):
        return special.get((name, value)) or ("not set" if value is None else str(value).lower())
    if isinstance(value, tuple):
        return ",".join(value)
    return "set" if isinstance(value, SecretStr) else str(value)


ENV_FILE = "EVENSTOCK_ENV_FILE"
"""Names the settings file when it is not `.env`; the null device stands for none."""

VARIABLES: tuple[str, ...] = tuple(name.upper() for name in Settings.model_fields)
"""All variables, in the order of the fields."""

_KNOWN = frozenset({*VARIABLES, ENV_FILE})
_OWN_PREFIXES = (
    "EVENSTOCK_",
    "REVERSE_SYNC_",
    "INVENTORY_",
    "SHOPIFY_",
    "RMS_",
    "PARTNER_",
    "SUPPLIER_JOBS_",
)
_OTHERS = re.compile(r"PREFECT_.*|PYTHON.*|TZ|(HTTP|HTTPS|ALL|NO)_PROXY|SSL_CERT_.*")


def load_settings() -> Settings:
    """Read the environment and `.env` afresh.

    Raises one ConfigurationError that names every variable with a bad value or an unknown name, without the
    value of any secret.
    """
    path = _env_file()
    problems = [*_misspelt(_own_names(os.environ), "the environment"), *_file_problems(path)]
    settings = _read(path, problems)
    if problems or settings is None:
        # Without its cause: pydantic's error would carry the values.
        raise ConfigurationError("; ".join(problems)) from None
    return settings


def child_environment(extra: Mapping[str, str] | None = None, *, clean: bool = False) -> dict[str, str]:
    """The environment of this process for a child process, with `extra` on top.

    `clean` leaves every setting of Evenstock out and keeps the child from reading `.env`: a demonstration
    must not meet a real store's credentials.
    """
    environment = {name: value for name, value in os.environ.items() if not (clean and is_ours(name))}
    return environment | ({ENV_FILE: os.devnull} if clean else {}) | dict(extra or {})


def use(values: Mapping[str, str], *, clean: bool = False) -> None:
    """Make this process's environment what `child_environment(values, clean=clean)` gives a child."""
    environment = child_environment(values, clean=clean)
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)


def is_ours(name: str) -> bool:
    """Whether a variable of this name is, or by its prefix could only be, a setting of Evenstock."""
    return name.upper() in _KNOWN or name.upper().startswith(_OWN_PREFIXES)


def _read(path: Path | None, problems: list[str]) -> Settings | None:
    """The settings, or None after what is wrong with them was added to `problems`."""
    if any(problem.startswith("cannot read") for problem in problems):
        return None
    try:
        return partial(Settings, _env_file=path)()
    except ValidationError as error:
        problems += [_complaint(detail) for detail in error.errors(include_url=False)]
    return None


def _complaint(detail: ErrorDetails) -> str:
    """`VARIABLE (is value): reason`. Only a number, a choice or a time is shown: any text may be a secret."""
    reason = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    if not detail["loc"]:
        return reason
    field = str(detail["loc"][0]).lower()
    value = str(detail["input"])
    shows = not _is_text(Settings.model_fields[field]) and re.fullmatch(r"[\w.,:+-][\w.,:+ -]{0,23}", value)
    return f"{field.upper()}{f' (is {value})' if shows else ''}: {reason}"


def _is_text(field: FieldInfo) -> bool:
    return re.search(r"\b(str|SecretStr)\b", repr(field.annotation)) is not None


def _env_file() -> Path | None:
    named = os.environ.get(ENV_FILE)
    if named == os.devnull:
        return None
    path = Path(named or ".env")
    if named and not path.is_file():
        raise ConfigurationError(f"{ENV_FILE} names a file that does not exist: {named}")
    return path if path.is_file() else None


def _file_problems(path: Path | None) -> list[str]:
    """Names in the settings file that nobody knows, and lines that are no setting."""
    if path is None:
        return []
    try:
        with path.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError):
        return [f"cannot read {path.name}: it must be a text file in UTF-8 that this user may read"]
    names = (each.key.upper() for each in bindings if each.key and not _OTHERS.fullmatch(each.key.upper()))
    return [*_misspelt(names, path.name), *_broken_lines(bindings, path.name)]


def _broken_lines(bindings: Iterable[Binding], where: str) -> Iterator[str]:
    for binding in bindings:
        if binding.error or (binding.key and binding.value is None):
            yield f"line {binding.original.line} of {where} is not NAME=value"


def _own_names(environment: Iterable[str]) -> list[str]:
    return [name.upper() for name in environment if name.upper().startswith(_OWN_PREFIXES)]


def _misspelt(names: Iterable[str], where: str) -> Iterator[str]:
    for name in sorted(set(names) - _KNOWN):
        close = get_close_matches(name, VARIABLES, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        yield f"{name} in {where} is no setting of Evenstock{hint}"
