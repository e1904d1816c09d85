"""Seals secrets so that a stolen, copied or swapped row is worth nothing."""

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from connectors.errors import ConfigurationError

_NONCE_BYTES = 12  # https://cryptography.io/en/latest/hazmat/primitives/aead/#cryptography.hazmat.primitives.ciphers.aead.AESGCM


class Unopenable(ConfigurationError):  # noqa: N818 - as all names of connectors.errors
    """A sealed secret whose key is not among ours, or whose row was altered or moved."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret nobody can read without the key that `key_id` names."""

    key_id: str
    ciphertext: bytes


class Vault:
    """AES-256-GCM with the keys of EVENSTOCK_SECRET_KEY: the first one seals, any of them opens.

    The row's identity goes in as associated data: a sealed secret opens only in its own row.
    Raises ConfigurationError for keys that are missing or malformed.
    """

    def __init__(self, keys: SecretStr | str | None) -> None:
        text = keys.get_secret_value() if isinstance(keys, SecretStr) else keys or ""
        raw = [_decoded(part.strip()) for part in text.split(",") if part.strip()]
        if not raw:
            raise ConfigurationError("not set: EVENSTOCK_SECRET_KEY (secrets are kept encrypted only)")
        self._keys = {_key_id(key): AESGCM(key) for key in raw}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(keys={list(self._keys)})"

    @property
    def key_id(self) -> str:
        """The name of the key that seals; it says nothing about the key."""
        return next(iter(self._keys))

    def seal(self, identity: str, secret: str) -> Sealed:
        """Encrypt a secret for the row with this identity."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._keys[self.key_id].encrypt(nonce, secret.encode(), identity.encode())
        return Sealed(self.key_id, nonce + sealed)

    def open(self, identity: str, sealed: Sealed) -> SecretStr:
        """Decrypt the secret of the row with this identity.

        Raises Unopenable if its key is not among ours, or if the row was altered or moved.
        """
        key = self._keys.get(sealed.key_id)
        if key is None:
            raise Unopenable(
                f"EVENSTOCK_SECRET_KEY: {identity} was stored under another key ({sealed.key_id})"
            )
        nonce, ciphertext = sealed.ciphertext[:_NONCE_BYTES], sealed.ciphertext[_NONCE_BYTES:]
        try:
            return SecretStr(key.decrypt(nonce, ciphertext, identity.encode()).decode())
        except InvalidTag:
            raise Unopenable(f"{identity} cannot be opened: the stored row was altered or moved") from None


def identity_of(table: str, account: str, name: str) -> str:
    """`table:account:name`; a colon inside a part is escaped, so that no two rows share one."""
    return ":".join(quote(part, safe="") for part in (table, account, name))


def _decoded(key: str) -> bytes:
    try:
        raw = base64.b64decode(key, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise ConfigurationError("EVENSTOCK_SECRET_KEY: each key must be 32 bytes in URL-safe base64")
    return raw


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"evenstock key id\0" + key).hexdigest()[:16]
