"""What ETpay's dialect keeps: of a merchant (its profile), and of a session (frozen at creation). Pure.

Source: ETpay's manual for what a merchant gives when it joins (site, logo, default URLs, webhook); limits and switches are ours.
"""

from urllib.parse import urlsplit

import msgspec

from paymux.merchants.model import Merchant, Profile, ShopStatus
from paymux.money import Currency, currency, known
from paymux.payments.model import Payment

DIALECT = "etpay"
LOGIN = "etpay-login"  # under this name the passwords of the payouts login are kept among the keys
METHOD = "transfer"
TRIES = 3
SESSION_MINUTES = 30  # an aggregator's manual for ETpay's links: the clock starts at creation
TERMS_PATH = "/session/terms"
COUNTRIES = {"CLP": "cl", "MXN": "mx"}


class Account(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A merchant as this dialect knows it: the JSON object of its profile."""

    currency: str
    name: str | None = None  # shown to payers; None: the merchant's own
    account_bank: str | None = None
    account_type: str | None = None
    account: str | None = None
    site_url: str | None = None  # where browsers go without any other URL; its origin may embed the funnel
    success_url: str | None = None
    failure_url: str | None = None
    terms_url: str | None = None  # None: our own page, or none at all on the Mexican API
    session_minutes: int = SESSION_MINUTES
    amount_max_units: int | None = None
    payouts_user: str | None = None  # who may log in to move money out; None: nobody
    boolean_status: bool = False  # `payment_status` as true and false, for shops written after the oldest manual

    @property
    def money(self) -> Currency:
        return known(self.currency)


class Shown(msgspec.Struct, frozen=True):
    """A line of metadata that payers may see."""

    name: str
    value: str


class Details(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """This dialect's own facts of a session."""

    signature: str  # the signature_token, encrypted
    merchant_name: str
    account_bank: str | None = None
    account_type: str | None = None
    account: str | None = None
    site_url: str | None = None
    terms_url: str | None = None
    concat: str | None = None
    webhook_url: str | None = None
    bank: str | None = None
    rut: str | None = None
    rut_locked: bool = False
    flow: str | None = None
    phone: str | None = None
    boolean_status: bool = False
    shown: tuple[Shown, ...] = ()


class Payer(msgspec.Struct, frozen=True, kw_only=True):
    """What was learned of who pays; the order of the claims."""

    bank: str | None = None  # its name
    rut: str | None = None
    account: str | None = None


def details(payment: Payment) -> Details:
    return msgspec.json.decode(payment.details, type=Details)


def payer(payment: Payment) -> Payer:
    return msgspec.json.decode(payment.payer, type=Payer) if payment.payer else Payer()


def about(session_token: str) -> str:
    """What an encrypted signature_token is bound to."""
    return f"etpay:{session_token}"


def account_of(profile: Profile) -> Account:
    return msgspec.json.decode(profile.facts, type=Account)


def country(code: str) -> str:
    """The prefix of the banks that payers in a currency use."""
    return COUNTRIES.get(code, "cl")


def shop_of(merchant: Merchant, account: Account) -> str:
    """The shop a session belongs to: the site's own domain if it is one of the merchant's, else the first, else none."""
    host = (urlsplit(account.site_url).hostname or "") if account.site_url else ""
    approved = sorted(domain for domain, status in merchant.shops.items() if status is ShopStatus.APPROVED)
    return host.removeprefix("www.") if host.removeprefix("www.") in approved else approved[0] if approved else ""


def currency_for(first: str | None, country_code: str | None) -> str:
    """A new merchant's currency on this wire: its first one, else its country's, else pesos of Chile."""
    if first is not None and currency(first) is not None:
        return first
    return {"CL": "CLP", "MX": "MXN"}.get(country_code or "", "CLP")
