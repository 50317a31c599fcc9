"""Who asks: merchants, their shops, plans and switches. Pure."""

from enum import StrEnum

import msgspec


class Plan(StrEnum):
    FREE = "free"
    PRO = "pro"
    UNLIMITED = "unlimited"


class ShopStatus(StrEnum):
    APPROVED = "approved"
    PENDING = "pending"
    BLOCKED = "blocked"


class Late(StrEnum):
    """What to do with the whole amount when it arrives after the end."""

    REVIEW = "review"
    ACCEPT = "accept"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How a merchant wants wrong money treated; surplus is always held for a person."""

    short_tolerance_units: int = 0  # absolute, in the payment's minor units: missing this much or less counts as paid
    late: Late = Late.REVIEW
    route_priority: dict[str, int] = {}  # route slug -> rank, lower first; routes not named come after
    routes_off: tuple[str, ...] = ()  # route slugs this merchant does not use


class Profile(msgspec.Struct, frozen=True):
    """What one dialect keeps of a merchant: the code that names it on that wire, and a JSON object that the dialect reads."""

    code: str
    facts: str


class Merchant(msgspec.Struct, frozen=True, kw_only=True):
    """One merchant as every request sees it; read from the database in the request's own batch."""

    id: int
    name: str
    email: str
    plan: Plan
    active: bool
    country: str | None  # 2 letters
    wallet: str | None  # as given; the dialect judges it
    smart_routing: bool  # the merchant's own switch
    methods_off: frozenset[str]  # buyer-facing methods this merchant switched off
    shops: dict[str, ShopStatus]  # normalised domain -> status
    policy: Policy = Policy()
    profiles: dict[str, Profile] = {}  # by dialect
    logo: str | None = None  # the name of its picture


def policy_from(stored: str) -> Policy:
    """The policy of its stored JSON object; missing fields have their defaults."""
    return msgspec.json.decode(stored, type=Policy)
