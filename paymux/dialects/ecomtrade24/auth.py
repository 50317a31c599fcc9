"""Who asks: EcomTrade24's three places for a key, and the limits on how often one may ask.

Order of precedence: `Authorization: Bearer`, `X-API-Key`, the legacy query. A Bearer value that is wrong does not fall through.
Source: EcomTrade24's manual for the headers and the two codes of too fast; numbers and query names are ours.
"""

from dataclasses import dataclass

from paymux.clock import MINUTE, SECOND
from paymux.config import Settings
from paymux.dialects.ecomtrade24.errors import Code
from paymux.http.limits import Window, seconds
from paymux.http.serve import Request
from paymux.merchants.model import Merchant, Plan

KEY_CHARS_MAX = 200  # ours have 44; a longer one is unknown whatever follows


def given_key(request: Request) -> str | None:
    """The key of a request, from the first place that has one."""
    scheme, _, value = request.raw_headers.get(b"authorization", b"").partition(b" ")
    found = value.decode("latin-1").strip() if scheme.lower() == b"bearer" else ""
    found = found or request.header("x-api-key").strip()
    if not found and request.query_string:
        found = request.query.get("api_key", "").strip() or request.query.get("key", "").strip()
    return found[:KEY_CHARS_MAX] or None


@dataclass(frozen=True, slots=True)
class TooFast:
    """Refused for asking too often; `retry_after` in whole seconds."""

    code: Code
    retry_after: int


class Limits:
    """Sliding windows per merchant; per key, or per address without one, while no merchant is known."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._minute = Window(MINUTE)
        self._refusals = Window(settings.status_abuse_window_s * SECOND)
        self._blocked: dict[int, int] = {}

    def check(self, endpoint: str, merchant: Merchant | None, caller: str, looked_up: str | int, now: int) -> TooFast | None:
        """Count a call of `session`, `status` or `me`. `caller`: the key or address of somebody unknown."""
        settings = self._settings
        if not settings.rate_limits:
            return None
        who: object = merchant.id if merchant else caller
        if endpoint == "status":
            return self._status(merchant, who, looked_up, now)
        limit = settings.me_per_minute
        if endpoint == "session":
            unlimited = merchant is not None and merchant.plan is Plan.UNLIMITED
            limit = settings.session_per_minute_unlimited if unlimited else settings.session_per_minute
        wait = self._minute.hit((endpoint, who), limit, now)
        return TooFast(Code.RATE_LIMITED, seconds(wait)) if wait else None

    def _status(self, merchant: Merchant | None, who: object, looked_up: str | int, now: int) -> TooFast | None:
        settings = self._settings
        until = self._blocked.get(merchant.id, 0) if merchant else 0
        if now < until <= now + settings.status_block_s * SECOND:
            return TooFast(Code.TEMPORARILY_BLOCKED, seconds(until - now))
        wait = self._minute.hit(("status", who), settings.status_per_merchant_per_minute, now)
        wait = wait or self._minute.hit(("status", who, looked_up), settings.status_per_key_per_minute, now)
        if not wait:
            return None
        if merchant is not None and self._refusals.hit(merchant.id, settings.status_abuse_refusals, now):
            self._blocked[merchant.id] = now + settings.status_block_s * SECOND
            return TooFast(Code.TEMPORARILY_BLOCKED, settings.status_block_s)
        return TooFast(Code.RATE_LIMITED, seconds(wait))
