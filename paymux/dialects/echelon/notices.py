"""What an Echelon merchant is told: an anemic callback that names the merchant's own id, and how often it is repeated. Pure.

Exactly 200 ends it; anything else is repeated 4 times, 2 minutes apart. Standard Webhooks' headers stand beside, for whoever checks them.
Source: Echelon's OpenAPI document and general concepts page.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from paymux.dialects.echelon import details
from paymux.dialects.echelon.answers import page_path
from paymux.dialects.echelon.catalogue import DIALECT
from paymux.dialects.echelon.statuses import PAYOUT_WORDS, WORDS, Word, word
from paymux.payments.dialect import Dialect, Landing, Notice, PageRules
from paymux.payments.model import Payment
from paymux.payouts.model import Payout, PayoutDialect
from paymux.webhooks.model import Due, NoticeForm

DELAYS_S = (120, 120, 120, 120)


class Body(msgspec.Struct, frozen=True):
    idEntity: str


def body(entity: str) -> str:
    return msgspec.json.encode(Body(entity)).decode()


def notice(payment: Payment, now: int) -> Notice | None:
    """The callback of a last word; PROCESSING is never told: clients take a callback for the end."""
    said = word(payment, now)
    if said is Word.PROCESSING:
        return None
    facts = details.decode(payment.details)
    return Notice(said, body(facts.id), facts.callback_url or "")


def payout_notice(payout: Payout) -> tuple[str, str] | None:
    """The same for a payout."""
    said = PAYOUT_WORDS[payout.state]
    return None if said is Word.PROCESSING else (said, body(details.decode(payout.details).id))


def headers(due: Due, secret: str, secrets: Sequence[str], now: int) -> Mapping[str, str]:
    """None of its own."""
    return {}


def fee_percent(payment: Payment) -> Decimal:
    """What the channel took when the payin was accepted."""
    return details.decode(payment.details).fee_percent


def capped(one: Payment | Payout) -> tuple[str, int] | None:
    """The channel whose daily cap it counts towards."""
    return details.decode(one.details).capped


FORM = NoticeForm(headers=headers, delays_s=DELAYS_S, accepted=lambda status: status == 200)

RECORD = Dialect(
    name=DIALECT,
    tries=1,
    notice=notice,
    told={state: said for state, said in WORDS.items() if said is not Word.PROCESSING},
    form=FORM,
    page_path=page_path,
    pages=PageRules((), lambda path, query: None, lambda path, payment: Landing.SHOW),
    fee_percent=fee_percent,
    capped=capped,
)

PAYOUT_RECORD = PayoutDialect(
    name=DIALECT,
    notice=payout_notice,
    told={state: said for state, said in PAYOUT_WORDS.items() if said is not Word.PROCESSING},
    capped=capped,
)
