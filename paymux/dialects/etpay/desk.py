"""The endpoints that move money out: login, refunds, payouts, balance. Wire in, one verb, wire out.

The login is the manual's; the rest is an extension of ours, which `outgoing` describes.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from paymux import ids
from paymux.dialects.etpay import outgoing, wire
from paymux.dialects.etpay.account import DIALECT, country
from paymux.dialects.etpay.errors import REFUSALS, Code, ErrorAnswer, Fault, invalid
from paymux.dialects.etpay.login import VALID_S, Entered, Login
from paymux.dialects.etpay.outgoing import Balance, LoginAnswer, Payouts, PayoutWish, Refunds
from paymux.dialects.etpay.wire import Banks, amount_number
from paymux.errors import Refused
from paymux.http.serve import Parameter, Request, Route
from paymux.ledger.read import standings
from paymux.money import Money
from paymux.payments.lifecycle import SUCCESS
from paymux.payments.model import Payment, Source
from paymux.payments.read import Reads
from paymux.payouts.model import OpenPayout, Payout, Refund
from paymux.payouts.open import open_payouts
from paymux.payouts.read import PAGE, AcceptedIn, accepted_in, by_reference, refunds_of
from paymux.payouts.refund import Refunds as RefundVerb
from paymux.payouts.refund import reference as refund_reference
from paymux.payouts.refund import units_left
from paymux.storage.writer import Batcher

PREFIX = "/v1/"
LOGIN_PATH = "/v1/auth/login"
TOKEN_CHARS = 20
METHOD = "transfer"
EXTENSION = "Extension of ours: "

Verb = Callable[[Request, Entered], Awaitable[object]]


class Desk:
    """What stands under /v1/. `remitter` sends payouts; None: nobody does."""

    def __init__(
        self, login: Login, reader: Batcher, writer: Batcher, reads: Reads, refunds: RefundVerb, remitter: str | None, banks: Banks
    ) -> None:
        self._login, self._reader, self._writer, self._reads = login, reader, writer, reads
        self._refunds, self._remitter, self._banks = refunds, remitter, banks

    def routes(self, on: "Callable[[Callable[[Request], Awaitable[object]]], Any]", errors: dict[int, Any]) -> list[Route]:
        """The rows of the table; `on` makes a handler of what answers with a value or a fault."""

        def row(method: str, path: str, verb: Verb, about: str, request: Any, answer: Any, *more: Parameter) -> Route:
            async def guarded(request: Request) -> object:
                entered = await self._login.entered(request)
                return entered if isinstance(entered, Fault) else await verb(request, entered)

            answers = {200: answer, **errors, 409: ErrorAnswer}
            return Route(method, path, on(guarded), EXTENSION + about, request, answers, more)

        named = (Parameter("payment_token", "of the payment"), Parameter("session_token", "or this one"))
        dated = (
            Parameter("from", "first day, such as 2026-01-01, in UTC", schema={"format": "date"}),
            Parameter("to", f"last day, at most {outgoing.DAYS_MAX - 1} later", schema={"format": "date"}),
            Parameter("before", "a payout_id: go on behind it"),
        )
        about = "Get a token for the calls under /v1/"
        return [
            Route("POST", LOGIN_PATH, on(self._enter), about, outgoing.LoginRequest, {200: LoginAnswer, **errors}),
            row("POST", "/v1/refunds", self._refund, "give a payment back", outgoing.RefundRequest, outgoing.RefundAnswer),
            row("GET", "/v1/refunds", self._refunds_of, "the refunds of a payment", None, Refunds, *named),
            row("GET", "/v1/refunds/{refund_id}", self._one_refund, "how a refund stands", None, outgoing.RefundAnswer),
            row("POST", "/v1/payouts", self._pay_out, "pay out", outgoing.PayoutRequest, outgoing.PayoutAnswer),
            row("GET", "/v1/payouts", self._payouts_of, "the payouts of some days", None, Payouts, *dated),
            row("GET", "/v1/payouts/{payout_id}", self._one_payout, "how a payout stands", None, outgoing.PayoutAnswer),
            row("GET", "/v1/balance", self._balance, "what can be paid out or back", None, Balance),
        ]

    async def _enter(self, request: Request) -> object:
        sent = wire.body_of(request.body)
        given = sent if isinstance(sent, Fault) else outgoing.credentials(sent)
        token = given if isinstance(given, Fault) else await self._login.enter(given)
        return token if isinstance(token, Fault) else LoginAnswer(token, "Bearer", VALID_S)

    async def _refund(self, request: Request, who: Entered) -> object:
        sent = wire.body_of(request.body)
        wish = sent if isinstance(sent, Fault) else outgoing.refund(sent, who.account.money, not self._banks.sandbox)
        if isinstance(wish, Fault):
            return wish
        payment = await self._payment(who, wish.session_token, wish.payment_token)
        if payment is None:
            return _nothing("payment")
        if wish.amount is not None and wish.amount.currency.code != payment.currency:
            return invalid("amount", f"must be in {payment.currency}, the payment's currency")
        command = Refund(
            payment_id=payment.id,
            refund_id=wish.refund_id,
            units=wish.amount.units if wish.amount is not None else None,
            source=Source.SHOP,
            callback_url=wish.webhook_url,
        )
        done: Payout | Refused = await self._writer.submit(self._refunds.refund, command)
        return _refused(done) if isinstance(done, Refused) else outgoing.refund_answer(done)

    async def _payment(self, who: Entered, session_token: str | None, payment_token: str | None) -> Payment | None:
        """The merchant's payment that both names fit; a running one has no payment_token yet."""
        payment = (
            await self._reads.by_outcome(DIALECT, payment_token)
            if payment_token
            else await self._reads.by_reference(DIALECT, session_token or "")
        )
        if payment is None or payment.merchant_id != who.merchant.id or session_token not in (None, payment.reference):
            return None
        return payment if not payment_token or payment.state in SUCCESS else None

    async def _refunds_of(self, request: Request, who: Entered) -> object:
        names = [_name(request.query.get(name, "")) for name in ("session_token", "payment_token")]
        if not any(names):
            return Fault(Code.MISSING_FIELD, "payment_token", "One of payment_token or session_token is required")
        payment = await self._payment(who, *names)
        if payment is None:
            return _nothing("payment")
        found: list[Payout] = await self._reader.submit(refunds_of, payment.id)
        left: int = await self._reader.submit(units_left, payment) if payment.state in SUCCESS else 0
        return Refunds([outgoing.refund_answer(one) for one in found], amount_number(Money(left, payment.amount.currency)))

    async def _one_refund(self, request: Request, who: Entered) -> object:
        found = await self._find(refund_reference(who.merchant.id, request.params["refund_id"]))
        return outgoing.refund_answer(found) if found is not None else _nothing("refund")

    async def _find(self, reference: str) -> Payout | None:
        if _name(reference) is None:
            return None
        found: Payout | None = await self._reader.submit(by_reference, (DIALECT, reference))
        return found

    async def _pay_out(self, request: Request, who: Entered) -> object:
        sent, prefix = wire.body_of(request.body), country(who.account.currency)
        banks = frozenset(code for code in self._banks.codes if code.startswith(prefix))
        token = ids.token(TOKEN_CHARS)
        wish = sent if isinstance(sent, Fault) else outgoing.payout(sent, who.account.money, banks, token, not self._banks.sandbox)
        if isinstance(wish, Fault):
            return wish
        if self._remitter is None:
            return Fault(Code.SERVICE_UNAVAILABLE)
        reference = _payout_reference(who, wish.facts.payout_id)
        command = OpenPayout(
            merchant_id=who.merchant.id,
            dialect=DIALECT,
            reference=reference,
            amount=wish.amount,
            fee_units=0,
            method=METHOD,
            provider=self._remitter,
            details=msgspec.json.encode(wish.facts).decode(),
            callback_url=wish.webhook_url,
        )
        done: Payout | Refused = await self._writer.submit(open_payouts, command)
        if isinstance(done, Payout):
            return outgoing.payout_answer(done)
        there = await self._find(reference)
        return outgoing.payout_answer(there) if there is not None and _same(there, wish) else _refused(done)

    async def _payouts_of(self, request: Request, who: Entered) -> object:
        days = outgoing.days(request.query)
        if isinstance(days, Fault):
            return days
        since, until = days
        asked = AcceptedIn(who.merchant.id, DIALECT, since, until)
        behind = request.query.get("before", "")
        if behind:
            last = await self._find(_payout_reference(who, behind))
            if last is None:
                return invalid("before", "must be the payout_id of one of your payouts")
            if (last.created_at, last.id) < (until, 0):
                asked = AcceptedIn(who.merchant.id, DIALECT, since, last.created_at, last.id)
        found: list[Payout] = await self._reader.submit(accepted_in, asked)
        answers = [outgoing.payout_answer(one) for one in found]
        return Payouts(answers, answers[-1].payout_id if len(answers) == PAGE else None)

    async def _one_payout(self, request: Request, who: Entered) -> object:
        found = await self._find(_payout_reference(who, request.params["payout_id"]))
        return outgoing.payout_answer(found) if found is not None else _nothing("payout")

    async def _balance(self, request: Request, who: Entered) -> object:
        money = who.account.money
        found = (await self._reader.submit(standings, who.merchant.id)).get(money.code)
        available, held = (found.available_units, found.in_transit_units) if found is not None else (0, 0)
        return Balance(currency=money.code, available=amount_number(Money(available, money)), in_transit=amount_number(Money(held, money)))


def _payout_reference(who: Entered, payout_id: str) -> str:
    return f"payout/{who.merchant.id}/{payout_id}"


def _name(text: str) -> str | None:
    """A name that can be looked up: PostgreSQL's text holds no NUL, and ours are short."""
    return text if text and "\0" not in text and len(text) <= 200 else None


def _nothing(what: str) -> Fault:
    return Fault(Code.NOT_FOUND, message=f"There is no such {what}")


def _refused(refused: Refused) -> Fault:
    return Fault(REFUSALS[min(refused.reasons)])


def _same(there: Payout, wish: PayoutWish) -> bool:
    """Whether a payout is the one that is asked for once more."""
    facts = outgoing.payout_facts(there)
    return there.amount == wish.amount and msgspec.structs.replace(facts, payout_token=wish.facts.payout_token) == wish.facts
