"""The channels of a merchant: which methods it has in which currency, for whom, how much at once and a day, and what they cost. Pure.

A channel is one method in one currency and one direction. Amounts are minor units of the channel's currency. `pick` says which channel
serves a wish, or every rule that keeps it from being served; a dialect gives these rules their words.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

import msgspec

from paymux.money import share


class Direction(StrEnum):
    PAYIN = "PAYIN"
    PAYOUT = "PAYOUT"


class Status(StrEnum):
    OPEN = "open"
    CLOSED = "closed"  # configured and active, but not taking payments now
    OFF = "off"  # not active
    FAULTY = "faulty"  # the processing behind it has trouble


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """A bank or wallet behind a channel; without limits of its own the channel's count."""

    code: str
    on: bool = True


class Cap(msgspec.Struct, frozen=True, kw_only=True):
    """So many units want through a channel that may accept `limit` a day."""

    merchant_id: int
    channel: str
    units: int
    limit: int


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One method in one currency. `daily_units`: what may be accepted in a day (UTC); None: no cap."""

    direction: Direction
    method: str
    currency: str
    from_units: int
    to_units: int
    status: Status = Status.OPEN
    operators: tuple[Operator, ...] = ()
    operator_required: bool = False
    segments: tuple[str, ...] = ()  # only for these; empty: for everybody
    daily_units: int | None = None
    fee_percent: Decimal = Decimal(0)
    fee_units: int = 0  # on top of the percentage; payouts only
    redirect: bool = False  # the buyer goes on at a page of ours instead of reading instructions in the answer

    @property
    def name(self) -> str:
        """How an operator names it, such as PAYIN:VAPAY:IDR."""
        return f"{self.direction}:{self.method}:{self.currency}"

    def fee(self, amount_units: int) -> int:
        """What a payout of so much costs."""
        return share(amount_units, self.fee_percent) + self.fee_units

    def cap(self, merchant_id: int, units: int) -> Cap | None:
        """What an acceptance must fit into, if there is a cap."""
        limit = self.daily_units
        return None if limit is None else Cap(merchant_id=merchant_id, channel=self.name, units=units, limit=limit)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What an API with channels keeps of a merchant. `operators`: every operator's name by its code, also of those without a channel.

    `magic`: the sandbox's outcomes by amount in major units, each for amounts up to and including its limit; empty: the dialect's own."""

    channel_name: str
    currencies: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    operators: dict[str, str] = {}
    channels: tuple[Channel, ...] = ()
    ips_denied: tuple[str, ...] = ()
    magic: tuple[tuple[Decimal, str], ...] = ()
    outcome_ms: int = 2000  # from acceptance to the sandbox's outcome


class Bar(StrEnum):
    """Why no channel serves a wish."""

    CURRENCY = "currency"
    SEGMENT_UNKNOWN = "segment_unknown"
    METHOD = "method"
    METHOD_FAULTY = "method_faulty"
    OPERATOR_UNKNOWN = "operator_unknown"
    OPERATOR_FOREIGN = "operator_foreign"  # known, but not of this method
    OPERATOR_REQUIRED = "operator_required"
    OPERATOR_OFF = "operator_off"
    NONE_ACTIVE = "none_active"
    NONE_OPEN = "none_open"
    NONE_FOR_SEGMENT = "none_for_segment"
    AMOUNT = "amount"
    DAILY = "daily"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be served. `method` None: whatever there is."""

    direction: Direction
    currency: str
    units: int
    method: str | None = None
    operator: str | None = None
    segment: str | None = None
    operator_needed: bool = False  # by the method itself, whatever the channel says


Used = Mapping[str, int]  # channel name -> units accepted today


def configured(profile: Profile, wish: Wish) -> list[Channel]:
    """The channels of the wish's direction, currency and method."""
    return [
        channel
        for channel in profile.channels
        if channel.direction is wish.direction and channel.currency == wish.currency and wish.method in (None, channel.method)
    ]


def serving(profile: Profile, wish: Wish, used: Used) -> list[Channel] | Bar:
    """The channels that could serve a wish now, whatever the operator; or the rule that leaves none."""
    if wish.currency not in profile.currencies:
        return Bar.CURRENCY
    left = configured(profile, wish)
    if not left:
        return Bar.METHOD
    rules: Sequence[tuple[Bar, Callable[[Channel], bool]]] = (
        (Bar.METHOD_FAULTY, lambda channel: channel.status is not Status.FAULTY),
        (Bar.NONE_ACTIVE, lambda channel: channel.status is not Status.OFF),
        (Bar.NONE_OPEN, lambda channel: channel.status is not Status.CLOSED),
        (Bar.NONE_FOR_SEGMENT, lambda channel: not channel.segments or wish.segment in channel.segments),
        (Bar.AMOUNT, lambda channel: channel.from_units <= wish.units <= channel.to_units),
        (Bar.DAILY, lambda channel: channel.daily_units is None or used.get(channel.name, 0) + wish.units <= channel.daily_units),
    )
    for bar, passes in rules:
        left = [channel for channel in left if passes(channel)]
        if not left:
            return bar
    return left


def pick(profile: Profile, wish: Wish, used: Used) -> Channel | Bar:
    """The channel for a wish that names its method, or the first rule that it breaks."""
    assert wish.method is not None, "a channel is picked for a method"
    if wish.currency not in profile.currencies:
        return Bar.CURRENCY
    if wish.segment is not None and wish.segment not in profile.segments:
        return Bar.SEGMENT_UNKNOWN
    if wish.operator is not None and wish.operator not in profile.operators:
        return Bar.OPERATOR_UNKNOWN
    known = configured(profile, wish)
    if not known:
        return Bar.METHOD
    if wish.operator is None and (wish.operator_needed or all(channel.operator_required for channel in known)):
        return Bar.OPERATOR_REQUIRED
    if wish.operator is not None:
        having = [one for channel in known for one in channel.operators if one.code == wish.operator]
        if not having:
            return Bar.OPERATOR_FOREIGN
        if not any(one.on for one in having):
            return Bar.OPERATOR_OFF
    found = serving(profile, wish, used)
    return found if isinstance(found, Bar) else found[0]


def decode(profile: str) -> Profile:
    """A stored profile."""
    return msgspec.json.decode(profile, type=Profile)


def encode(profile: Profile) -> str:
    """The profile as it is stored."""
    return msgspec.json.encode(profile).decode()
