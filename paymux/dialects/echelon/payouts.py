"""Echelon's payouts: options, create, read. Wire in, one verb, wire out."""

import asyncio

from paymux import ids
from paymux.dialects.echelon import answers, details, wire
from paymux.dialects.echelon.catalogue import DIALECT
from paymux.dialects.echelon.desk import Entered, answer, broken, error, money_allowed, refused
from paymux.dialects.echelon.details import Details
from paymux.dialects.echelon.errors import BusinessError, Code, barred, business
from paymux.dialects.echelon.payins import pick, reference, used_today
from paymux.dialects.echelon.wire import PaymentWish
from paymux.errors import Refusal, Refused, refuse
from paymux.http.serve import Request, Response
from paymux.merchants import channels
from paymux.merchants.channels import Bar, Channel, Direction, Wish
from paymux.merchants.profiles import Profiled
from paymux.payouts.model import OpenPayout, Payout
from paymux.payouts.open import open_payouts
from paymux.payouts.read import by_reference
from paymux.storage.writer import Batcher


class Payouts:
    """The verbs behind the endpoints. `remitter` sends the money; None: nobody does."""

    def __init__(self, reader: Batcher, writer: Batcher, remitter: str | None, sandbox: bool) -> None:
        self._reader, self._writer, self._remitter, self._sandbox = reader, writer, remitter, sandbox

    async def _find(self, merchant: Profiled, id_payout: str) -> Payout | None:
        found: Payout | None = await self._reader.submit(by_reference, (DIALECT, reference(merchant, id_payout)))
        return found

    async def options(self, request: Request, entered: Entered) -> Response:
        wanted = wire.options_wish(request.body)
        asked, profile = wanted.asked, entered.merchant.profile
        rule = wire.precision(asked) if asked.code in profile.currencies else None
        if rule is not None:
            return broken([rule])
        units = asked.money.units if asked.money else 0
        wish = Wish(direction=Direction.PAYOUT, currency=asked.code, units=units, segment=wanted.segment)
        used = await used_today(self._reader, entered.merchant)
        found = channels.serving(profile, wish, used) if self._remitter else Bar.NONE_ACTIVE
        return broken([barred(found)]) if isinstance(found, Bar) else answer(200, answers.available(profile, found, wanted.segment))

    async def create(self, request: Request, entered: Entered) -> Response:
        wish = wire.payment_wish(request.body, Direction.PAYOUT)
        if not money_allowed(entered.claims, wish.requested.asked):
            return error(403, "The auth token is for another amount or currency")
        done = await self._open(entered.merchant, request.params["id_payout"], wish, request.header("id-customer"))
        if isinstance(done, Payout):
            return answer(201, answers.payout_created(done))
        return refused(done) if isinstance(done, Refused) else broken(done)

    async def _open(
        self, merchant: Profiled, id_payout: str, wish: PaymentWish, id_customer: str
    ) -> Payout | Refused | list[BusinessError]:
        """Accept a payout: the id must be free, the rules must hold, and the funds are held in the transaction that accepts it."""
        taken, used = await asyncio.gather(self._find(merchant, id_payout), used_today(self._reader, merchant))
        if taken is not None:
            return refuse(Refusal.DUPLICATE_REFERENCE)
        found = wire.broken_rules(wish, Direction.PAYOUT, merchant.profile.ips_denied)
        channel = pick(merchant.profile, Direction.PAYOUT, wish, used, self._remitter is not None)
        if isinstance(channel, Bar):
            found.append(_barred(channel))
        if found or channel is None or isinstance(channel, Bar):
            return found
        opened: Payout | Refused = await self._writer.submit(open_payouts, self._command(merchant, id_payout, wish, channel, id_customer))
        return opened

    def _command(self, merchant: Profiled, id_payout: str, wish: PaymentWish, channel: Channel, id_customer: str) -> OpenPayout:
        asked, profile = wish.requested.asked, merchant.profile
        assert asked.money is not None, "a rule would have been broken"
        assert self._remitter is not None, "a rule would have been broken"
        cap = channel.cap(merchant.merchant_id, asked.money.units)
        facts = Details(
            id=id_payout,
            id_payment="po_" + ids.token(24),
            code=wish.code,
            requested=details.raw(wish.requested.echo()),
            method=wish.fields,
            operator_name=profile.operators.get(wish.operator or ""),
            channel_name=profile.channel_name,
            reference=ids.token(10).upper(),
            customer_ip=wish.customer_ip,
            id_customer=id_customer[:250] or None,
            capped=details.of_cap(cap),
        )
        return OpenPayout(
            merchant_id=merchant.merchant_id,
            dialect=DIALECT,
            reference=reference(merchant, id_payout),
            amount=asked.money,
            fee_units=channel.fee(asked.money.units),
            method=wish.code,
            provider=self._remitter,
            details=details.encode(facts),
            callback_url=wish.callback_url,
            cap=cap,
        )

    async def read(self, request: Request, entered: Entered) -> Response:
        payout = await self._find(entered.merchant, request.params["id_payout"])
        return error(410) if payout is None else answer(200, answers.payout_read(payout, self._sandbox))


def _barred(bar: Bar) -> BusinessError:
    """Payouts have no word for an unknown segment: no channel serves it."""
    if bar is Bar.SEGMENT_UNKNOWN:
        return business(Code.NO_SEGMENT, "No channel serves this segment", "segmentCode")
    return barred(bar)
