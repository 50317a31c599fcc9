"""Magic amounts: 9000.01 and its neighbours make a sandbox company behave in one known way. Pure.

They count in every currency with two decimals: the whole part is 9000, the cents name the script. Nothing else about such a
payment is special, so a shop sees each trouble by its own API. `SCRIPTS` is the table; `documented()` is for readers.

  .01 approved at once   .02 declined at the start   .03 pending, paid for who asks after 60 s   .04 pending for ever
  .05 start hangs, paid for who asks after 60 s   .06 start hangs, unknown ever after   .07 start answers nonsense   .08 start fails
  with HTTP 500, paid after 60 s   .09 half is paid   .10 a tenth too much   .11 paid two hours later   .12 reported twice   .13 "pending"
  reported after "paid"   .14 under review   .15 questions are answered with nonsense   .16 declined after the start   .17 paid and settled
  .18 start never arrives   .19 start hangs, paid and reported after 60 s whatever was done meanwhile
  .20 to .38 declined after the start, each for a reason of its own (`DECLINES`)   .39 declined at the start as fraudulent

>>> script_of(900002, 2).name
'declined at the start'
>>> script_of(9000, 0) is None
True
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

import msgspec

from paymux.clock import SECOND
from paymux.decline import DeclineReason
from paymux.money import decimal_text
from paymux.providers.sandbox.charge import LATE_MS, Act, State

WHOLE = 9000
SOON_MS = 60 * SECOND


class Manner(StrEnum):
    """How the start call is answered."""

    PLAIN = "plain"
    HANGS = "hangs"  # never
    NONSENSE = "nonsense"  # HTTP 200, and no sense in it
    FAILS = "fails"  # HTTP 500
    REFUSED = "refused"  # the call does not arrive


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """What one magic amount does."""

    name: str
    about: str
    start: Manner = Manner.PLAIN
    begins: State = State.OPEN
    begins_direct: State | None = None  # where a company charges at the start; None: as `begins`
    kept: bool = True  # False: the company forgets the charge
    then: Act | None = None  # happens by itself
    after_ms: int = 0
    when_asked: bool = False  # `then` happens only when somebody asks, and no callback tells of it
    decline_reason: DeclineReason | None = None
    asked_nonsense: bool = False


DECLINES: Mapping[int, DeclineReason] = MappingProxyType(
    {
        20: DeclineReason.INSUFFICIENT_FUNDS,
        21: DeclineReason.LIMIT_EXCEEDED,
        22: DeclineReason.AUTHENTICATION_FAILED,
        23: DeclineReason.EXPIRED_CARD,
        24: DeclineReason.INCORRECT_NUMBER,
        25: DeclineReason.INCORRECT_CVC,
        26: DeclineReason.INVALID_ACCOUNT,
        27: DeclineReason.CARD_NOT_SUPPORTED,
        28: DeclineReason.CURRENCY_NOT_SUPPORTED,
        29: DeclineReason.TRANSACTION_NOT_ALLOWED,
        30: DeclineReason.AMOUNT_NOT_ALLOWED,
        31: DeclineReason.SESSION_EXPIRED,
        32: DeclineReason.DO_NOT_HONOR,
        33: DeclineReason.ISSUER_UNAVAILABLE,
        34: DeclineReason.LOST_CARD,
        35: DeclineReason.STOLEN_CARD,
        36: DeclineReason.PICKUP_CARD,
        37: DeclineReason.RESTRICTED_CARD,
        38: DeclineReason.FRAUDULENT,
    }
)
SCRIPTS: Mapping[int, Script] = MappingProxyType(
    {
        1: Script(name="approved", about="Paid at once; a callback says so.", then=Act.APPROVE),
        2: Script(
            name="declined at the start", about="The start call is turned down, for do_not_honor.",
            begins=State.DECLINED, decline_reason=DeclineReason.DO_NOT_HONOR,
        ),
        3: Script(
            name="pending, then paid", about="Pending; paid for who asks after 60 s. No callback.",
            begins=State.PENDING, then=Act.APPROVE, after_ms=SOON_MS, when_asked=True,
        ),
        4: Script(name="pending for ever", about="Pending, and it stays so.", begins=State.PENDING),
        5: Script(
            name="start hangs, then paid",
            about="The start call is never answered. The charge exists; unless it is cancelled it is paid for who asks after 60 s.",
            start=Manner.HANGS, begins_direct=State.PENDING, then=Act.APPROVE, after_ms=SOON_MS, when_asked=True,
        ),
        6: Script(
            name="start hangs, unknown", about="The start call is never answered, and the charge is unknown ever after.",
            start=Manner.HANGS, kept=False,
        ),
        7: Script(
            name="start answers nonsense", about="The start call is answered with HTTP 200 and nonsense. The charge is open.",
            start=Manner.NONSENSE,
        ),
        8: Script(
            name="start fails, then paid", about="The start call is answered with HTTP 500, but the charge is pending and paid after 60 s.",
            start=Manner.FAILS, begins=State.PENDING, then=Act.APPROVE, after_ms=SOON_MS,
        ),
        9: Script(name="too little", about="Half of the amount is paid at once.", then=Act.SHORT),
        10: Script(name="too much", about="A tenth more than the amount is paid at once.", then=Act.OVER),
        11: Script(name="too late", about="Paid two hours later; it cannot be cancelled.", then=Act.ARRIVE, after_ms=LATE_MS),
        12: Script(name="reported twice", about="Paid at once; the same report comes twice.", then=Act.TWICE),
        13: Script(name="reported out of order", about="Paid at once; an older report, pending, comes after it.", then=Act.DISORDER),
        14: Script(name="under review", about="Flagged for a person to decide, at once.", then=Act.REVIEW),
        15: Script(name="nonsense when asked", about="Every question about the charge is answered with nonsense.", asked_nonsense=True),
        16: Script(name="declined", about="The start works; a callback says declined, at once.", then=Act.DECLINE),
        17: Script(name="paid and settled", about="Paid and forwarded at once.", then=Act.PAID_SETTLED),
        18: Script(name="start never arrives", about="The connection is refused: nothing began.", start=Manner.REFUSED, kept=False),
        19: Script(
            name="start hangs, paid anyway",
            about="The start call is never answered; 60 s later the charge is paid and reported, even if it was given up.",
            start=Manner.HANGS, then=Act.ARRIVE, after_ms=SOON_MS,
        ),
        **{
            cents: Script(name=f"declined, {reason}", about="As 9000.16, for this reason.", then=Act.DECLINE, decline_reason=reason)
            for cents, reason in DECLINES.items()
        },
        39: Script(
            name="declined at the start, fraudulent",
            about="The start call is turned down, for fraudulent: no other route is tried.",
            begins=State.DECLINED, decline_reason=DeclineReason.FRAUDULENT,
        ),
    }
)  # fmt: skip
ORDINARY = Script(name="ordinary", about="The tester decides on the buyer's page.")


def cents_of(amount_units: int, exponent: int) -> int | None:
    """The cents of a magic amount; None for every other one."""
    whole, cents = divmod(amount_units, 100)
    return cents if exponent == 2 and whole == WHOLE and cents in SCRIPTS else None


def script_of(amount_units: int, exponent: int) -> Script | None:
    """The script of a magic amount; None for every other one."""
    cents = cents_of(amount_units, exponent)
    return None if cents is None else SCRIPTS[cents]


def documented() -> list[tuple[str, str, str]]:
    """(amount, name, what happens), in order."""
    return [(decimal_text(WHOLE * 100 + cents, 2), script.name, script.about) for cents, script in SCRIPTS.items()]
