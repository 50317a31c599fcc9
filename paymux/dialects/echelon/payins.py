"""Echelon's payins: options, create, read, accounts, the bank's reference, and the image of the code.

Wire in, one verb, wire out; also asked by the payment page, which makes the same calls for the merchant.
"""

import asyncio
import io
from collections.abc import Mapping, Sequence
from functools import lru_cache

from paymux import ids
from paymux.clock import MINUTE
from paymux.config import Settings
from paymux.dialects.echelon import answers, details, emulator, onwards, wire
from paymux.dialects.echelon.catalogue import DIALECT
from paymux.dialects.echelon.desk import ANY_ORIGIN, Entered, answer, broken, error, money_allowed, refused
from paymux.dialects.echelon.details import Details
from paymux.dialects.echelon.errors import BARS, BusinessError, barred
from paymux.dialects.echelon.topup_wire import TopUp
from paymux.dialects.echelon.wire import PaymentWish, Requested
from paymux.errors import Refusal, Refused, refuse
from paymux.http.serve import Request, Response
from paymux.merchants import caps, channels
from paymux.merchants.channels import Bar, Channel, Direction, Profile, Used, Wish
from paymux.merchants.profiles import Profiled
from paymux.payments import read, turn
from paymux.payments.model import OpenPayment, Payment
from paymux.payments.turn import Channels, NotePayer, OpenOnChannel
from paymux.payouts.onward import Onward
from paymux.storage.query import Tx
from paymux.storage.writer import Batcher

ACCOUNT_DIGITS = 12


def reference(merchant: Profiled, id_payment: str, *, topup: bool = False) -> str:
    """The core's name for a payin, payout or top-up: ids are per merchant, and a top-up's are its own."""
    return f"{merchant.merchant_id}/topup/{id_payment}" if topup else f"{merchant.merchant_id}/{id_payment}"


async def used_today(reader: Batcher, merchant: Profiled) -> Used:
    """What a merchant's capped channels have accepted today; it may be more by the time that a payment is accepted."""
    if all(channel.daily_units is None for channel in merchant.profile.channels):
        return {}
    found: Used = await reader.submit(caps.used, merchant.merchant_id)
    return found


class Payins:
    """The verbs behind the endpoints."""

    def __init__(
        self, settings: Settings, reader: Batcher, writer: Batcher, on_channels: Channels, remitter: str | None, sandbox: bool
    ) -> None:
        self._settings, self._reader, self._writer, self._channels = settings, reader, writer, on_channels
        self._remitter, self._sandbox = remitter, sandbox

    async def find(self, merchant: Profiled, id_payin: str, *, topup: bool = False) -> Payment | None:
        found: Payment | None = await self._reader.submit(read.by_reference, (DIALECT, reference(merchant, id_payin, topup=topup)))
        return found

    # --- options

    async def options(self, request: Request, entered: Entered) -> Response:
        found = await self.available(entered.merchant, wire.options_wish(request.body))
        if isinstance(found, BusinessError):
            return broken([found])
        return answer(200, found)

    async def available(self, merchant: Profiled, wanted: Requested) -> answers.Json | BusinessError:
        """What could be taken now, or why there is nothing."""
        serving = await self.serving(merchant, wanted)
        if isinstance(serving, BusinessError):
            return serving
        return answers.available(merchant.profile, serving, wanted.segment)

    async def serving(self, merchant: Profiled, wanted: Requested) -> list[Channel] | BusinessError:
        asked = wanted.asked
        if asked.too_precise and asked.code in merchant.profile.currencies:
            rule = wire.precision(asked)
            assert rule is not None
            return rule
        units = asked.money.units if asked.money else 0
        wish = Wish(direction=Direction.PAYIN, currency=asked.code, units=units, segment=wanted.segment)
        used = await used_today(self._reader, merchant)
        found = channels.serving(merchant.profile, wish, used) if self._sandbox else Bar.NONE_ACTIVE
        return barred(found) if isinstance(found, Bar) else found

    # --- create

    async def create(self, request: Request, entered: Entered) -> Response:
        wish = wire.payment_wish(request.body, Direction.PAYIN)
        if not money_allowed(entered.claims, wish.requested.asked):
            return error(403, "The auth token is for another amount or currency")
        done = await self.open(entered.merchant, request.params["id_payin"], wish, request.headers)
        if isinstance(done, Payment):
            return answer(201, answers.created(done, request.base_url))
        return refused(done) if isinstance(done, Refused) else broken(done)

    async def open(
        self, merchant: Profiled, id_payin: str, wish: PaymentWish, headers: Mapping[str, str], topup: TopUp | None = None
    ) -> Payment | Refused | list[BusinessError]:
        """Accept a payin: the id must be free, then the business rules are judged, and nothing is stored unless all hold."""
        taken, used = await asyncio.gather(self.find(merchant, id_payin, topup=topup is not None), used_today(self._reader, merchant))
        if taken is not None:
            return refuse(Refusal.DUPLICATE_REFERENCE)
        found = wire.broken_rules(wish, Direction.PAYIN, merchant.profile.ips_denied)
        found += topup.broken_rules(merchant.profile.currencies) if topup else []
        onward = onwards.onward(merchant.profile, id_payin, topup, self._remitter) if topup and not found else None
        if isinstance(onward, Bar):
            found.append(barred(onward))
        channel = pick(merchant.profile, Direction.PAYIN, wish, used, self._sandbox)
        if isinstance(channel, Bar):
            found.append(barred(channel))
        if found or channel is None or isinstance(channel, Bar) or isinstance(onward, Bar):
            return list(dict.fromkeys(found))
        opened = await self._writer.submit(self._channels.open, self._command(merchant, id_payin, wish, channel, headers, topup, onward))
        return opened if isinstance(opened, Refused) else opened.payment

    def _command(
        self,
        merchant: Profiled,
        id_payin: str,
        wish: PaymentWish,
        channel: Channel,
        headers: Mapping[str, str],
        topup: TopUp | None,
        onward: Onward | None,
    ) -> OpenOnChannel:
        asked, profile = wish.requested.asked, merchant.profile
        assert asked.money is not None, "a rule would have been broken"
        assert wish.method is not None, "a rule would have been broken"
        cap = channel.cap(merchant.merchant_id, asked.money.units)
        required = emulator.required(wish.code, asked.amount) if topup is None else None
        credited = asked.money if topup is None else topup.required.money
        assert credited is not None, "a rule would have been broken"
        facts = Details(
            id=id_payin,
            id_payment="pi_" + ids.token(24),
            code=wish.code,
            requested=details.raw(topup.echo if topup else wish.requested.echo()),
            method=wish.fields,
            operator_name=profile.operators.get(wish.operator or ""),
            channel_name=profile.channel_name,
            reference=ids.token(10).upper(),
            callback_url=wish.callback_url,
            customer_ip=wish.customer_ip,
            id_customer=headers.get("id-customer", "")[:250] or None,
            fee_percent=channel.fee_percent,
            required_units=None if required is None else int(required.scaleb(asked.money.currency.exponent)),
            pays=(asked.money.units, asked.code) if topup else None,
            account_number="".join(str(int(digit, 16) % 10) for digit in ids.hex_token(ACCOUNT_DIGITS // 2)),
            redirect=channel.redirect and wish.method.redirects,
            capped=details.of_cap(cap),
        )
        return OpenOnChannel(
            wish=OpenPayment(
                merchant_id=merchant.merchant_id,
                dialect=DIALECT,
                shop="",
                amount=credited,
                lasts_ms=self._settings.payin_minutes * MINUTE,
                order_ref=id_payin,
                reference=reference(merchant, id_payin, topup=topup is not None),
                method=wish.code,
                email=wish.fields.get("emailAddress"),
                return_url=wish.return_url,
                details=details.encode(facts),
            ),
            turn=emulator.turn(asked.amount, profile.magic) if self._sandbox else None,
            after_ms=profile.outcome_ms,
            cap=cap,
            onward=onward,
        )

    # --- read

    async def read(self, request: Request, entered: Entered) -> Response:
        payment = await self.find(entered.merchant, request.params["id_payin"])
        if payment is None:
            return error(410)
        return answer(200, answers.read(payment, request.base_url, entered.now, self._sandbox))

    async def accounts(self, request: Request, entered: Entered) -> Response:
        payment = await self.find(entered.merchant, request.params["id_payin"])
        return error(410) if payment is None else answer(200, answers.accounts(payment))

    async def set_reference(self, request: Request, entered: Entered) -> Response:
        typed = wire.external_reference(request.body)
        payment = await self.find(entered.merchant, request.params["id_payin"])
        if payment is None:
            return error(410)
        await self.note(payment, typed)
        return Response(204, b"", ANY_ORIGIN)

    async def note(self, payment: Payment, typed: str) -> None:
        """Keep the bank's reference."""
        await self._writer.submit(turn.note_payer, NotePayer(payment.id, typed))

    async def image(self, request: Request) -> Response:
        """The code to scan; its address is random, whoever has it may see it."""
        payment = await self.by_page(f"{request.params['number']}.{request.params['name'].removesuffix('.png')}")
        if payment is None:
            return error(404)
        return Response(
            200,
            _picture(answers.qr_payload(payment)),
            {"Content-Type": "image/png", "Cache-Control": "private, max-age=7200", **ANY_ORIGIN},
        )

    async def now(self) -> int:
        """The moment of the next read, by the clock that an operator may move."""
        moment: int = await self._reader.submit(_moment, None)
        return moment

    async def by_page(self, name: str) -> Payment | None:
        """The payin of a page or picture: number and random name must belong together."""
        number, _, id_payment = name.partition(".")
        if not (number.isascii() and number.isdigit() and len(number) <= 18):
            return None
        payment: Payment | None = await self._reader.submit(read.by_id, int(number))
        if payment is None or payment.dialect != DIALECT or details.decode(payment.details).id_payment != id_payment:
            return None
        return payment


@lru_cache(maxsize=512)
def _picture(payload: str) -> bytes:
    """The code as a PNG of some 2 kB; drawing one takes a while, and a page may ask often."""
    import segno  # here: most requests need no picture, and the start of a server none at all

    picture = io.BytesIO()
    segno.make(payload, error="m", micro=False).save(picture, kind="png", scale=8, border=3)
    return picture.getvalue()


async def _moment(tx: Tx, commands: Sequence[None], now: int) -> list[int]:
    return [now for _ in commands]


def pick(profile: Profile, direction: Direction, wish: PaymentWish, used: Mapping[str, int], served: bool) -> Channel | Bar | None:
    """The channel for a wish, or the first rule that leaves none; None where the amount or the method cannot be judged."""
    asked = wish.requested.asked
    if asked.code not in profile.currencies:
        return Bar.CURRENCY
    if asked.money is None or wish.method is None:
        return None
    needed = wish.method.operator_except
    found = channels.pick(
        profile,
        Wish(
            direction=direction,
            currency=asked.code,
            units=asked.money.units,
            method=wish.code,
            operator=wish.operator,
            segment=wish.requested.segment,
            operator_needed=needed is not None and asked.code not in needed,
        ),
        used,
    )
    assert not isinstance(found, Bar) or found in BARS
    return found if served or isinstance(found, Bar) else Bar.NONE_ACTIVE
