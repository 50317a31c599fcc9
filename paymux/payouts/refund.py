"""Accept refunds: a refund is a payout that names the payment it undoes.

Funds are held, sent once and asked about as of every payout; the payment keeps how much of it went back. It is taken from what the
merchant has, whatever the payment brought: more is refused, never paid from others' money.
"""

from collections.abc import Mapping, Sequence

from paymux.errors import Refusal, Refused, refuse
from paymux.ledger.read import given_of
from paymux.money import Money
from paymux.payments import store as payments
from paymux.payments.advance import Door
from paymux.payments.lifecycle import SUCCESS, Event
from paymux.payments.model import Payment, Report, Source
from paymux.payouts import store
from paymux.payouts.model import OpenPayout, Payout, PayoutDialect, Refund, teller
from paymux.payouts.open import open_payouts
from paymux.storage.query import Tx

METHOD = "refund"


def reference(merchant_id: int, refund_id: str) -> str:
    """The core's name of a refund: refund ids are each merchant's own."""
    return f"refund/{merchant_id}/{refund_id}"


async def left_of(tx: Tx, paid: Sequence[Payment]) -> dict[int, int]:
    """What may still be refunded of payments: what their merchants were given, without what went back or is on its way.

    More may have come, but money that is held, or was returned, never was the merchant's."""
    given = await given_of(tx, [payment.id for payment in paid])
    return {payment.id: max(0, min(payment.refundable_units, given[payment.id] - payment.refunded_units)) for payment in paid}


async def units_left(tx: Tx, paid: Sequence[Payment], now: int) -> list[int]:
    """The same, for whoever only looks."""
    left = await left_of(tx, paid)
    return [left[payment.id] for payment in paid]


class Refunds:
    """The verb. `remitter` sends the money; None: nobody does."""

    def __init__(self, door: Door, dialects: Mapping[str, PayoutDialect], remitter: str | None) -> None:
        self._door, self._dialects, self._remitter = door, dialects, remitter

    async def refund(self, tx: Tx, wishes: Sequence[Refund], now: int) -> list[Payout | Refused]:
        """Accept refunds in their order; a repeat is answered with the refund it repeats, as it stands.

        Refused with UNKNOWN_PAYMENT, DUPLICATE_REFERENCE (the id names another refund), NOT_REFUNDABLE, REFUND_TOO_LARGE,
        INSUFFICIENT_BALANCE or NO_ROUTE. The lock on the payments comes first: whoever has it sees every refund that others committed.
        """
        locked = {payment_id: row[0] for payment_id, row in (await payments.lock(tx, [wish.payment_id for wish in wishes])).items()}
        names = sorted({_name(locked[wish.payment_id], wish) for wish in wishes if wish.payment_id in locked})
        stored = store.read_payouts(await tx.fetch(store.q.payouts_by_reference, names))
        there = {(payout.dialect, payout.reference): payout for payout in stored}
        left = await left_of(tx, list(locked.values()))
        results: dict[int, Payout | Refused] = {}
        waiting = list(range(len(wishes)))
        while waiting:  # at most one of each payment and of each name at a time: what comes next sees what it did
            taken: dict[int, Refund] = {}
            busy: set[object] = set()
            for place in waiting:
                wish, payment = wishes[place], locked.get(wishes[place].payment_id)
                name = _name(payment, wish) if payment is not None else None
                if busy & {wish.payment_id, name}:
                    continue
                found = there.get(name) if name is not None else None
                judged = _repeated(found, wish) if found is not None else self._judge(payment, left, wish)
                if judged is None:
                    busy |= {wish.payment_id, name}
                    taken[place] = wish
                else:
                    results[place] = judged
            for place, done in zip(taken, await self._accept(tx, locked, left, list(taken.values()), now), strict=True):
                results[place] = done
                if isinstance(done, Payout):
                    there[done.dialect, done.reference] = done
            waiting = [place for place in waiting if place not in results]
        return [results[place] for place in range(len(wishes))]

    def _judge(self, payment: Payment | None, units_left: Mapping[int, int], wish: Refund) -> Refused | None:
        """Why it cannot be given back, as far as the payment says."""
        if payment is None:
            return refuse(Refusal.UNKNOWN_PAYMENT, f"there is no payment {wish.payment_id}")
        if payment.state not in SUCCESS:
            return refuse(Refusal.NOT_REFUNDABLE, f"a payment that is {payment.state} cannot be refunded")
        left = units_left[payment.id]
        if not 0 < (left if wish.units is None else wish.units) <= left:
            return refuse(Refusal.REFUND_TOO_LARGE, f"{Money(left, payment.amount.currency)} of the payment is left to be refunded")
        return None if self._remitter else refuse(Refusal.NO_ROUTE, "no provider here sends money back")

    async def _accept(
        self, tx: Tx, locked: dict[int, Payment], left: dict[int, int], wishes: Sequence[Refund], now: int
    ) -> list[Payout | Refused]:
        """Hold the funds, and note in the payments what is on its way back, and in `left` what may follow."""
        if not wishes:
            return []
        opened = await open_payouts(tx, [self._command(locked[wish.payment_id], left, wish) for wish in wishes], now)
        reports = [
            Report(
                payment_id=wish.payment_id,
                event=Event.REFUNDED,
                source=Source(wish.source),
                happened_at=now,
                refund_units=refund.amount_units,
                why=f"refunded as {wish.refund_id}",
            )
            for wish, refund in zip(wishes, opened, strict=True)
            if isinstance(refund, Payout)
        ]
        for advanced in await self._door.advance(tx, reports, now) if reports else ():
            assert not isinstance(advanced, Refused), "it was judged under the same lock"
            left[advanced.payment.id] -= advanced.payment.refunded_units - locked[advanced.payment.id].refunded_units
            locked[advanced.payment.id] = advanced.payment
        return opened

    def _command(self, payment: Payment, left: Mapping[int, int], wish: Refund) -> OpenPayout:
        record = self._dialects.get(teller(payment.dialect, refund=True))
        assert self._remitter is not None, "it was judged"
        return OpenPayout(
            merchant_id=payment.merchant_id,
            dialect=payment.dialect,
            reference=reference(payment.merchant_id, wish.refund_id),
            amount=Money(left[payment.id] if wish.units is None else wish.units, payment.amount.currency),
            fee_units=0,
            method=METHOD,
            provider=self._remitter,
            details=record.refund_details(payment, wish.refund_id) if record is not None and record.refund_details else "{}",
            callback_url=wish.callback_url,
            payment_id=payment.id,
        )


def _name(payment: Payment, wish: Refund) -> tuple[str, str]:
    return payment.dialect, reference(payment.merchant_id, wish.refund_id)


def _repeated(there: Payout, wish: Refund) -> Payout | Refused:
    if there.payment_id == wish.payment_id and wish.units in (None, there.amount_units):
        return there
    return refuse(Refusal.DUPLICATE_REFERENCE, f"{wish.refund_id} is the name of another refund")
