"""Every page of the bank-transfer funnel as a `View`, for the pictures and the browser tests of `tests.screenshots`."""

from typing import Any

import msgspec

from paymux.checkout.transfer.view import Choice, Hint, Page, View
from paymux.checkout.transfer.words import NAMES
from paymux.checkout.view import Decline
from paymux.money import Money, known

NOW = 1777464600000  # 2026-04-29 12:10 UTC
LEFT_MS = 29 * 60_000

BANKS = tuple(
    Choice(code, name)
    for code, name in (("estado", "BancoEstado"), ("chile", "Banco de Chile"), ("bci", "Bci"), ("test", "Banco de prueba"))
)  # fmt: skip
ACCOUNTS = (Choice("1", "Cuenta Corriente 12345678"), Choice("2", "Cuenta Vista 87654321"))
TO = {"to_bank": "BancoEstado", "to_account": "Cuenta Vista 19687526"}
BASE = View(
    page=Page.BANKS, nonce="c2FtcGxl", merchant="Tienda Ejemplo", order_ref="ORD-10001", amount=Money(62000, known("CLP")), now=NOW,
    expires_at=NOW + LEFT_MS, can_return=True,
    links={name: f"?{name}=1" for name in ("here", "banks", "bank", "go", "result")} | {name: f"?lang={name}" for name in NAMES},
)  # fmt: skip
AT_BANK = {"bank": BANKS[3], "account": ACCOUNTS[0].name, **TO}


def but(page: Page, **changes: Any) -> View:
    """The base sample with another page and some fields changed."""
    return msgspec.structs.replace(BASE, page=page, **changes)


def views() -> dict[str, View]:
    """Name -> page: every page at least once, and the variants that look different."""
    done = {**TO, "payer_shown": "111111111", "payer_account": f"Banco de prueba · {ACCOUNTS[0].name}", "paid_at": NOW}
    return {
        "banks": but(Page.BANKS, banks=BANKS, sandbox=True, rows=(("Producto", "Bicicleta"), ("Entrega", "Santiago"))),
        "banks-none": but(Page.BANKS),
        "login": but(Page.LOGIN, banks=BANKS, bank=BANKS[0], terms_url="https://shop.example.com/terms"),
        "login-refused": but(Page.LOGIN, bank=BANKS[3], hint=Hint.REFUSED, tries_left=2, payer="111111111", payer_locked=True),
        "login-bad-payer": but(Page.LOGIN, bank=BANKS[0], hint=Hint.BAD_PAYER, payer="11.111.111-2"),
        "login-no-password": but(Page.LOGIN, bank=BANKS[0], hint=Hint.NO_PASSWORD, payer="111111111"),
        "login-mexico": but(
            Page.LOGIN, bank=Choice("mx", "Banco de prueba"), country="mx", amount=Money(123450, known("MXN")), hint=Hint.BAD_PAYER
        ),
        "account": but(Page.ACCOUNT, bank=BANKS[3], accounts=ACCOUNTS, **TO),
        "key": but(Page.KEY, digits=8, sandbox=True, **AT_BANK),
        "code": but(Page.CODE, digits=2, number=1, **AT_BANK),
        "code-wrong": but(Page.CODE, digits=2, number=2, hint=Hint.WRONG, **AT_BANK),
        "waiting": but(Page.WAITING),
        "paid": but(Page.PAID, receipt="8b5a1c90-77f2-4f0e-9a53-2d1f6f0c9e11", leave_after_s=99, **done),
        "paid-embedded": but(Page.PAID, receipt="8b5a1c90", embedded=True, **done),
        "failed": but(Page.FAILED, leave_after_s=99),
        "failed-reason": but(Page.FAILED, leave_after_s=99, decline=Decline.NOT_ENOUGH),
        "expired": but(Page.EXPIRED),
        "review": but(Page.REVIEW),
        "broken": but(Page.BROKEN, leave_after_s=99),
        "unknown": View(page=Page.UNKNOWN, nonce=BASE.nonce, links=BASE.links),
        "busy": View(page=Page.BUSY, nonce=BASE.nonce, links=BASE.links, sandbox=True),
        "terms": View(page=Page.TERMS, nonce=BASE.nonce, links=BASE.links),
    }  # fmt: skip
