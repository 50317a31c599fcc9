"""What a page of a bank transfer shows: plain values. Pure."""

from enum import StrEnum

import msgspec

from paymux.checkout.view import Decline
from paymux.money import Money


class Page(StrEnum):
    """The pages, in the order a payer meets them."""

    BANKS = "banks"
    LOGIN = "login"
    ACCOUNT = "account"
    KEY = "key"
    CODE = "code"
    WAITING = "waiting"
    PAID = "paid"
    FAILED = "failed"
    EXPIRED = "expired"
    REVIEW = "review"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    BUSY = "busy"
    TERMS = "terms"


ASKING = frozenset({Page.BANKS, Page.LOGIN, Page.ACCOUNT, Page.KEY, Page.CODE})  # the payer does something here, and may cancel
ENDS = frozenset({Page.PAID, Page.FAILED, Page.EXPIRED})
STATUS = {Page.UNKNOWN: 404, Page.EXPIRED: 410, Page.BUSY: 503}


class Hint(StrEnum):
    """Said above a form."""

    REFUSED = "refused"
    DOWN = "down"
    LATER = "later"
    WRONG = "wrong"
    BAD_PAYER = "bad_payer"
    NO_PASSWORD = "no_password"
    NO_BANK = "no_bank"


FIELD_HINTS = frozenset({  # said at the field that they speak of, on the page that has it
    (Page.LOGIN, Hint.BAD_PAYER), (Page.LOGIN, Hint.NO_PASSWORD), (Page.KEY, Hint.WRONG), (Page.CODE, Hint.WRONG),
})  # fmt: skip


class Choice(msgspec.Struct, frozen=True):
    """A row to choose: what the form or the link sends, and what stands on it."""

    value: str
    name: str


class View(msgspec.Struct, frozen=True, kw_only=True):
    """One page. Links are query strings: no page contains the session's token."""

    page: Page
    language: str = "es"
    nonce: str = ""
    sandbox: bool = False
    embedded: bool = False
    frame_origins: tuple[str, ...] = ()

    merchant: str | None = None
    logo: str | None = None  # a path on this host
    order_ref: str | None = None
    amount: Money | None = None
    rows: tuple[tuple[str, str], ...] = ()
    terms_url: str | None = None
    now: int = 0
    expires_at: int | None = None
    version: int = 0

    country: str = "cl"
    hint: Hint | None = None
    tries_left: int | None = None
    banks: tuple[Choice, ...] = ()
    bank: Choice | None = None
    bank_fixed: bool = False  # the shop chose it
    payer: str | None = None
    payer_locked: bool = False
    accounts: tuple[Choice, ...] = ()
    account: str | None = None
    number: int = 0
    digits: int = 0

    links: dict[str, str] = {}  # "here" (form action), "banks", "go", "live", "result", "es", "en": query strings
    decline: Decline = Decline.UNKNOWN  # FAILED: why, if that helps the payer
    can_return: bool = False
    leave_after_s: int = 0  # 0: stays
    to_bank: str | None = None
    to_account: str | None = None
    payer_shown: str | None = None
    payer_account: str | None = None
    receipt: str | None = None
    paid_at: int | None = None
