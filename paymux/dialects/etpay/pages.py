"""ETpay's addresses of the funnel, what it shows of a session, and where it leads. Pure.

Source: ETpay's manual (`{PMT_URL}/session/{token}`, the redirect with `?jwt=`, `concat`); the exact joining rule is ours.

>>> joined("https://shop.example/ok?order=9", "T", "&"), joined("https://shop.example/ok#top", "T", "&")
('https://shop.example/ok?order=9&jwt=T', 'https://shop.example/ok?jwt=T#top')
>>> joined("https://shop.example/ok", "T", ";")
'https://shop.example/ok;jwt=T'
"""

from collections.abc import Callable

import msgspec

from paymux.dialects.etpay import fields
from paymux.dialects.etpay.account import TERMS_PATH, Payer, country, details
from paymux.payments.dialect import Landing, PageRules, TransferFacts, TransferPages
from paymux.payments.lifecycle import SUCCESS
from paymux.payments.model import Payment

PREFIX = "/session/"
NO_PAGES = PageRules((), lambda path, query: None, lambda path, payment: Landing.SHOW)  # its pages are the funnel's
PARAMETER = "jwt"
ACCOUNT_TYPES = {"cuenta_vista": "Cuenta Vista", "cuenta_corriente": "Cuenta Corriente", "cuenta_ahorro": "Cuenta de Ahorro"}


def page_path(payment: Payment) -> str:
    """The funnel of a session."""
    return f"{PREFIX}{payment.reference}"


def joined(url: str, token: str, concat: str | None) -> str:
    """A shop's URL with the token: after `concat` where that is neither `?` nor `&`, else after whichever of the two fits; a fragment
    stays last."""
    base, mark, fragment = url.partition("#")
    between = concat if concat and concat not in ("?", "&") else "&" if "?" in base else "?"
    return f"{base}{between}{PARAMETER}={token}{mark}{fragment}"


def transfer_pages(token_of: Callable[[str], str], broken_token: Callable[[Payment], str]) -> TransferPages:
    """The funnel. `token_of`: the token in a notice's body; `broken_token`: the one that says that something broke."""

    def leave(payment: Payment, body: str) -> str | None:
        url = payment.return_url if payment.state in SUCCESS else payment.cancel_url
        return joined(url, token_of(body), details(payment).concat) if url else None

    def broken(payment: Payment) -> str | None:
        return joined(payment.cancel_url, broken_token(payment), details(payment).concat) if payment.cancel_url else None

    return TransferPages(PREFIX, TERMS_PATH, facts, leave, token_of, broken, identity, who)


def facts(payment: Payment) -> TransferFacts:
    """What the funnel shows of a session; its secrets stay where they are."""
    kept = details(payment)
    kind = ACCOUNT_TYPES.get(kept.account_type or "", kept.account_type)
    return TransferFacts(
        merchant=kept.merchant_name,
        country=country(payment.currency),
        receipt=payment.outcome_ref,
        bank=kept.bank,
        payer=kept.rut,
        payer_locked=kept.rut_locked,
        rows=tuple((row.name, row.value) for row in kept.shown),
        terms_url=kept.terms_url,
        to_bank=kept.account_bank,
        to_account=" ".join(part for part in (kind, kept.account) if part) or None,
        site_url=kept.site_url,
    )


def identity(typed: str, country: str) -> str | None:
    """A Chilean payer's RUT without separators; a Mexican one's user name at its bank."""
    if country == "cl":
        return fields.rut(typed)
    plain = typed.strip()
    return plain if 3 <= len(plain) <= 40 and plain.isprintable() else None


def who(bank: str, number: str, account: str) -> str:
    """What is stored of a payer."""
    return msgspec.json.encode(Payer(bank=bank, rut=number, account=account)).decode()
