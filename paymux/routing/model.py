"""Routes and what choosing one looks at. Pure."""

from enum import StrEnum

import msgspec

METHODS = ("card", "klarna", "paypal", "revolut", "bank", "ideal", "other")


class Health(StrEnum):
    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One way to pay through one provider. Limits are minor units of `limit_currency`; a bound itself is inside."""

    slug: str
    provider: str
    layer: str = "EPv1"
    methods: tuple[str, ...]
    currencies: tuple[str, ...] = ()  # empty: any
    countries_allow: tuple[str, ...] = ()  # empty: any
    countries_deny: tuple[str, ...] = ()
    min_units: int | None = None
    max_units: int | None = None
    limit_currency: str = "USD"
    requires_email: bool = False
    asked_only: bool = False  # taken only where its method is asked for by name
    packages: tuple[str, ...] = ("free", "pro", "unlimited")
    priority: int = 100  # platform's; lower first
    health: Health = Health.UP


class Reason(StrEnum):
    """Why a route was kept or dropped; stored with the attempt, shown to operators, never to buyers."""

    KEPT = "kept"
    DOWN = "down"
    PACKAGE = "not for this plan"
    NEEDS_CLICK = "may charge at its start, which needs the buyer's click"
    SWITCHED_OFF = "switched off by the merchant"
    METHOD = "does not serve the method"
    NOT_ASKED = "only where its method is asked for by name"
    METHOD_OFF = "the merchant switched the method off"
    CURRENCY = "does not take the currency"
    COUNTRY = "not for the buyer's country"
    COUNTRY_UNKNOWN = "needs a country and the buyer's is unknown"
    TOO_SMALL = "amount below its minimum"
    TOO_LARGE = "amount above its maximum"
    NO_RATE = "no rate to compare the amount with its limits"
    NEEDS_EMAIL = "needs the buyer's e-mail"
    TRIED = "already tried"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be routed. Without amount or currency the question is a general one: those rules are not looked at."""

    package: str
    amount_units: int | None = None  # minor units of `currency`
    currency: str | None = None
    method: str | None = None
    bank_currency: str | None = None  # looked at only with method "bank"; None: the currency of the order
    country: str | None = None  # the buyer's, 2 letters, upper case
    has_email: bool = False
    methods_off: frozenset[str] = frozenset()
    routes_off: frozenset[str] = frozenset()
    need_click: frozenset[str] = frozenset()  # slugs that are not for now: nobody clicked
    route_priority: dict[str, int] = {}  # slug -> rank, lower first; slugs not named come after
    tried: frozenset[str] = frozenset()  # slugs whose attempt is dead


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One route and the verdict on it."""

    slug: str
    reason: Reason

    @property
    def kept(self) -> bool:
        return self.reason is Reason.KEPT


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """`routes` in the order to try them; `candidates`: every route with its reason, kept ones first in that order."""

    routes: tuple[Route, ...]
    candidates: tuple[Candidate, ...]
    only_email_missing: bool = False  # nothing is kept, but the buyer's e-mail alone would change that
