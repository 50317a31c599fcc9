"""The payouts login: whoever has the username, its password and the API token gets a token for the calls that move money out.

The token is sealed by the server and names the credentials it was given for, by their hashes; each call looks whether they still count, so
that a new password, a new API token or a disabled merchant ends it at the next request.
Source: ETpay's manual for the login's path, body and status; the token's form, its hour and the header are ours.
"""

import hmac

import msgspec

from paymux.clock import SECOND
from paymux.dialects.etpay.account import DIALECT, LOGIN, Account, account_of
from paymux.dialects.etpay.auth import TOKEN_CHARS_MAX
from paymux.dialects.etpay.errors import Code, Fault
from paymux.http.serve import Request
from paymux.keyring import Keyring, Undecipherable, UnknownKey
from paymux.merchants.directory import Directory, Found
from paymux.merchants.model import Merchant
from paymux.storage.writer import Batcher

VALID_S = 3600
PASS_CHARS_MAX = 4000
_ABOUT = "etpay-login"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a login, read."""

    username: str
    password: str
    code: str
    token: str


class Pass(msgspec.Struct, frozen=True):
    """What a token says: hashes that could have been stored for the credentials, and until when (seconds since 1970)."""

    token: list[str]
    password: list[str]
    until: int


class Entered(msgspec.Struct, frozen=True):
    """Who asks, and when by the batch."""

    merchant: Merchant
    account: Account
    now: int


class Login:
    """Gives tokens and reads them."""

    def __init__(self, keyring: Keyring, reader: Batcher, directory: Directory) -> None:
        self._keyring, self._reader, self._directory = keyring, reader, directory

    async def enter(self, given: Credentials) -> str | Fault:
        """A token; one refusal for every reason."""
        hashes = [self._keyring.hashes(text[:TOKEN_CHARS_MAX]) for text in (given.token, given.password)]
        entered = await self._entered(hashes[0], hashes[1])
        if isinstance(entered, Fault):
            return entered
        known = entered.merchant.profiles[DIALECT].code, entered.account.payouts_user or ""
        asked = given.code, given.username
        if not all(hmac.compare_digest(one.encode(), other.encode("utf-8", "replace")) for one, other in zip(known, asked, strict=True)):
            return Fault(Code.INVALID_CREDENTIALS)
        said = Pass(hashes[0], hashes[1], entered.now // SECOND + VALID_S)
        return self._keyring.encrypt(msgspec.json.encode(said).decode(), _ABOUT)

    async def entered(self, request: Request) -> Entered | Fault:
        """Who asks, by the token in `Authorization: Bearer`."""
        scheme, _, token = request.header("authorization").strip().partition(" ")
        said = self._read(token.strip()) if scheme.lower() == "bearer" else None
        if said is None:
            return Fault(Code.INVALID_TOKEN)
        entered = await self._entered(said.token, said.password)
        if isinstance(entered, Fault) or entered.now >= said.until * SECOND:
            return Fault(Code.INVALID_TOKEN)
        return entered

    def _read(self, token: str) -> Pass | None:
        if not 0 < len(token) <= PASS_CHARS_MAX or not token.isascii():
            return None
        try:
            return msgspec.json.decode(self._keyring.decrypt(token, _ABOUT), type=Pass)
        except (Undecipherable, UnknownKey, msgspec.MsgspecError):
            return None

    async def _entered(self, token: list[str], password: list[str]) -> Entered | Fault:
        by_token: Found = await self._reader.submit(self._directory.by_hashes, (DIALECT, tuple(token)))
        by_password: Found = await self._reader.submit(self._directory.by_hashes, (LOGIN, tuple(password)))
        merchant = by_token.merchant
        if merchant is None or by_password.merchant is None or by_password.merchant.id != merchant.id:
            return Fault(Code.INVALID_CREDENTIALS)
        if not merchant.active or DIALECT not in merchant.profiles:
            return Fault(Code.INVALID_CREDENTIALS)
        return Entered(merchant, account_of(merchant.profiles[DIALECT]), by_token.now)
