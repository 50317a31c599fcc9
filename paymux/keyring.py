"""Keyed hashes and encryption: everything that depends on the operator's secret key.

From each master text one subkey per purpose is derived (HKDF-SHA256); whatever is stored names the id of its master, so
that a rotation (new key in front, old one kept behind) locks nobody out and what is still under the old one can be found.

Shapes of stored text: a hash is `k1.<key id>.<64 hex>`; an encrypted value is `e1.<key id>.<base64url of nonce and ciphertext>`.
A key id is 8 hex digits, derived from the master and safe to show.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from paymux import ids
from paymux.errors import PaymuxError

Purpose = Literal["key-hash", "encrypt", "csrf", "echelon-token", "sandbox", "visitor"]

MASTER_CHARS_MIN = 32
_NONCE_BYTES = 12
_PURPOSES: tuple[Purpose, ...] = ("key-hash", "encrypt", "csrf", "echelon-token", "sandbox", "visitor")


class UnknownKey(PaymuxError):
    """A stored value was made under a secret key that we were not given."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"a stored value needs the secret key with the id {key_id}; add that key to PAYMUX_SECRET_KEYS_OLD")
        self.key_id = key_id


class Undecipherable(PaymuxError):
    """A stored value is not ours, was changed, or belongs to something else than what it was read for."""


class Keyring:
    """The current master key and the old ones. `current` makes every new value; the old ones only read."""

    __slots__ = ("_subkeys", "key_id")

    def __init__(self, current: str, old: Sequence[str] = ()) -> None:
        self._subkeys: dict[str, dict[Purpose, bytes]] = {}  # by key id, the current one first
        for master in (current, *old):
            assert len(master) >= MASTER_CHARS_MIN, "a secret key is too short"
            subkeys: dict[Purpose, bytes] = {purpose: _derive(master, purpose) for purpose in _PURPOSES}
            self._subkeys.setdefault(_derive(master, "key-id")[:4].hex(), subkeys)
        self.key_id = next(iter(self._subkeys))

    def __repr__(self) -> str:
        return f"<Keyring {', '.join(self._subkeys)}>"

    def key_ids(self) -> list[str]:
        """The ids of all known keys, the current one first."""
        return list(self._subkeys)

    def subkey(self, purpose: Purpose, key_id: str | None = None) -> bytes:
        """32 bytes for a library that signs by itself; `UnknownKey` if the id is not ours."""
        return self._of(self.key_id if key_id is None else key_id)[purpose]

    def hash_key(self, api_key: str) -> str:
        """What is stored instead of an API key."""
        return self.hashes(api_key)[0]

    def hashes(self, api_key: str) -> list[str]:
        """What could have been stored for an API key, under each known key, the current one first. For look-ups."""
        key = api_key.encode()
        return [f"k1.{key_id}.{_hmac(subkeys['key-hash'], key)}" for key_id, subkeys in self._subkeys.items()]

    def encrypt(self, plaintext: str, about: str) -> str:
        """Text that only this keyring reads, and only for the same `about` (such as "webhook:12")."""
        nonce = bytes.fromhex(ids.hex_token(_NONCE_BYTES))
        sealed = AESGCM(self._subkeys[self.key_id]["encrypt"]).encrypt(nonce, plaintext.encode(), _about(self.key_id, about))
        return f"e1.{self.key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode().rstrip('=')}"

    def decrypt(self, stored: str, about: str) -> str:
        """The plaintext; `UnknownKey` if its key is missing, `Undecipherable` if it was changed or is about something else."""
        version, _, rest = stored.partition(".")
        key_id, _, text = rest.partition(".")
        if version != "e1" or not text:
            raise Undecipherable("a stored value is not in the form of an encrypted one")
        subkey = self._of(key_id)["encrypt"]
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            return AESGCM(subkey).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _about(key_id, about)).decode()
        except (InvalidTag, binascii.Error, ValueError):
            raise Undecipherable(f"a stored value was changed, or is not about {about}") from None

    def is_current(self, stored: str) -> bool:
        """Whether a stored hash or encrypted value is under the current key; if not, a rotation should write it anew."""
        return stored.split(".")[1:2] == [self.key_id]

    def mac(self, purpose: Purpose, message: str) -> str:
        """Hex of HMAC-SHA256 under the current key."""
        return _hmac(self._subkeys[self.key_id][purpose], message.encode())

    def mac_ok(self, purpose: Purpose, message: str, mac: str) -> bool:
        """Whether `mac` was made by any known key for this purpose and message. Constant time for each key."""
        given, found = mac.encode(), False
        for subkeys in self._subkeys.values():
            found |= hmac.compare_digest(_hmac(subkeys[purpose], message.encode()).encode(), given)
        return found

    def _of(self, key_id: str) -> dict[Purpose, bytes]:
        try:
            return self._subkeys[key_id]
        except KeyError:
            raise UnknownKey(key_id) from None


def _derive(master: str, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=b"paymux", info=purpose.encode()).derive(master.encode())


def _hmac(key: bytes, message: bytes) -> str:
    return hmac.new(key, message, sha256).hexdigest()


def _about(key_id: str, about: str) -> bytes:
    return f"e1|{key_id}|{about}".encode()
