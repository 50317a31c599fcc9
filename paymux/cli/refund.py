"""`paymux payment refund`: give a paid payment back, of whatever API it is."""

from functools import partial
from typing import TYPE_CHECKING, Any

from paymux.cli.run import AsJson, Where, accepted, bad_option, run, tell_json

if TYPE_CHECKING:
    from paymux.app.core import Core


def refund(payment: str, /, *, id: str, amount: str | None = None, as_json: AsJson = False, where: Where | None = None) -> None:
    """Give a paid payment back to its buyer, out of what the merchant has. A running server sends the money.

    The same id again is the same refund: it is shown as it stands.

    Parameters
    ----------
    payment
        Its number, or a reference such as etpay:<session token>.
    id
        A name for this refund, unique among the merchant's refunds.
    amount
        How much, such as 49.99; by default all that is left.
    """
    if not (0 < len(id) <= 64 and id.isascii() and id.isprintable() and " " not in id and "/" not in id):
        raise bad_option("id", "1 to 64 printable characters without blanks and slashes")
    answer = run(where, partial(_refund, payment, id, amount), secret_key=True)
    if as_json:
        return tell_json(answer)
    reason = f" ({answer['reason']})" if answer["reason"] else ""
    print(f"Refund {id} of {answer['payment']}: {answer['amount']}, {answer['state']}{reason}.")


async def _refund(text: str, refund_id: str, amount: str | None, core: "Core") -> dict[str, Any]:
    from paymux.cli.reference import name_of, payment_named
    from paymux.money import decimal_units
    from paymux.payments.model import Source
    from paymux.payouts.model import Refund

    found = await payment_named(core, text, "PAYMENT")
    units = decimal_units(amount, found.amount.currency.exponent) if amount is not None else None
    if amount is not None and not units:
        raise bad_option("amount", f"{amount!r} is not an amount of {found.currency}, such as {found.amount}")
    wish = Refund(payment_id=found.id, refund_id=refund_id, units=units, source=Source.OPERATOR)
    made = accepted(await core.writer.submit(core.refunds.refund, wish))
    return {"payment": name_of(found), "refund_id": refund_id, "amount": str(made.amount), "state": made.state, "reason": made.reason}
