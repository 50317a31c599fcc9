"""Echelon's payment web application: what its parameters mean and which calls it makes for the merchant.

The token must cover the calls that the page makes, and the amount that it names. What was begun is seen at an address with a random name.
Source: Echelon's pages on the payment web application and a client that builds its URL; parameters beyond those seven are ours.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from paymux.dialects.echelon import answers, auth, details, fields
from paymux.dialects.echelon.desk import Desk, Entered, money_allowed
from paymux.dialects.echelon.errors import BusinessError
from paymux.dialects.echelon.fields import Asked, Fault
from paymux.dialects.echelon.methods import PAYIN, specs
from paymux.dialects.echelon.payins import Payins
from paymux.dialects.echelon.wire import PaymentWish, Requested
from paymux.errors import Refused
from paymux.http.serve import Request, Response
from paymux.merchants.channels import Channel
from paymux.money import Money, known, plain_decimal
from paymux.payments.model import Payment
from paymux.payments.page import Choice, Input, Offer, Shown

KINDS = {  # a method in the checkout's own words
    "OFFLINE": "transfer", "ONLINE": "bank", "VAPAY": "transfer", "VAPAY_VERIF": "transfer", "P2A_V2": "transfer", "IMPS": "imps",
    "UPIID": "upi_id", "UPIQR": "upi_qr", "NETBANKING": "netbanking", "PROMPTPAY": "promptpay", "DUITNOW": "duitnow", "QRISPAY": "qris",
    "EWALLET": "wallet", "QRPH": "qrph", "VIETQR": "vietqr", "CAPITEC_PAY": "bank", "PAY_ME": "wallet", "MOBILE_MONEY": "mobile",
    "CRYPTO_OFFLINE": "crypto",
}  # fmt: skip
TYPED = ("accountName", "accountNumber", "emailAddress", "phoneNumber", "upiId", "said")
ACCOUNT = frozenset({"accountName", "accountNumber"})


class Page:
    """The page's side of the dialect."""

    def __init__(self, desk: Desk, payins: Payins) -> None:
        self._desk, self._payins = desk, payins

    async def offer(self, request: Request, typed: Mapping[str, str]) -> Offer | Payment | None:
        opened = await self._open(request)
        if opened is None:
            return None
        entered, asked = opened
        found = await self._payins.find(entered.merchant, request.query["idPayin"])
        if found is not None:
            return found
        return await self._offer(request, entered, asked, typed)

    async def pay(self, request: Request, typed: Mapping[str, str]) -> Offer | Payment | None:
        opened = await self._open(request)
        if opened is None:
            return None
        entered, asked = opened
        found = await self._payins.find(entered.merchant, request.query["idPayin"])
        if found is not None:
            return found
        offer = await self._offer(request, entered, asked, typed)
        if offer is None or offer.chosen is None or any(one.wrong for one in offer.inputs) or (offer.inputs and "filled" not in typed):
            return offer
        wish = self._wish(request, asked, offer)
        if wish is None:
            return _again(offer)
        done = await self._payins.open(entered.merchant, request.query["idPayin"], wish, request.headers)
        if isinstance(done, Payment):
            return done
        if isinstance(done, Refused):  # somebody was faster with this id
            return await self._payins.find(entered.merchant, request.query["idPayin"])
        return _again(offer)

    async def _open(self, request: Request) -> tuple[Entered, Asked] | None:
        """The link's token and parameters; None if anything of them is missing or wrong."""
        query = request.query
        id_payin, amount = query.get("idPayin", ""), plain_decimal(query.get("amount", ""))
        if not fields.ID.fullmatch(id_payin) or amount is None or not query.get("returnUrl"):
            return None
        entered = await self._desk.enter(request, "POST", f"/payins/{id_payin}", f"Bearer {query.get('token', '')}", counted=False)
        if isinstance(entered, Response) or entered.merchant.code != query.get("merchantCode"):
            return None
        if not auth.covers(entered.claims.operations, "GET", f"/payins/{id_payin}"):
            return None
        try:
            asked = fields.asked({"amount": Decimal(amount), "currencyCode": query.get("currencyCode", "")})
            fields.url(query, "returnUrl", required=True)
            fields.called_url({"callbackUrl": query.get("callbackUrl") or None}, "callbackUrl")
        except Fault:
            return None
        return (entered, asked) if asked.money is not None and money_allowed(entered.claims, asked) else None

    async def _offer(self, request: Request, entered: Entered, asked: Asked, typed: Mapping[str, str]) -> Offer | None:
        assert asked.money is not None, "the link was judged"
        query, profile = request.query, entered.merchant.profile
        wanted = Requested(asked=asked, segment=query.get("segmentCode") or None, exchanged_to=None)
        serving = await self._payins.serving(entered.merchant, wanted)
        channels = [] if isinstance(serving, BusinessError) else serving
        choices = [choice for channel in channels for choice in _choices(channel, profile.operators)]
        given = query.get("paymentMethodCode", "")
        given += f":{query['paymentOperatorCode']}" if query.get("paymentOperatorCode") else ""
        known = {choice.code for choice in choices}
        chosen = next((code for code in (typed.get("method", ""), given) if code in known), None)
        inputs = _inputs(chosen, asked, query, typed) if chosen else ()
        return Offer(
            shop=profile.channel_name,
            reference=query["idPayin"],
            amount=asked.money,
            return_url=query["returnUrl"],
            choices=tuple(choices),
            chosen=chosen,
            inputs=inputs,
        )

    def _wish(self, request: Request, asked: Asked, offer: Offer) -> PaymentWish | None:
        assert offer.chosen is not None, "a method was chosen"
        code, _, operator = offer.chosen.partition(":")
        values = {one.name: one.value for one in offer.inputs if one.value}
        sent: dict[str, Any] = {name: value for name, value in values.items() if name not in ACCOUNT}
        if account := {name: value for name, value in values.items() if name in ACCOUNT}:
            sent["account"] = account
        if operator:
            sent["paymentOperatorCode"] = operator
        query = request.query
        try:
            found = fields.method_fields(PAYIN[code], code, sent, asked.code)
        except Fault:
            return None
        return PaymentWish(
            requested=Requested(asked=asked, segment=query.get("segmentCode") or None, exchanged_to=None),
            code=code,
            method=PAYIN[code],
            fields=found,
            return_url=query["returnUrl"],
            callback_url=query.get("callbackUrl") or None,
            customer_ip=query.get("customerIp") or None,
        )

    async def find(self, name: str) -> tuple[Payment, int] | None:
        payment = await self._payins.by_page(name)
        return None if payment is None else (payment, await self._payins.now())

    def shown(self, payment: Payment) -> Shown:
        facts = details.decode(payment.details)
        response = answers.method_response(payment, facts, "")
        account = response.get("account") or {}
        lines = [
            ("holder", account.get("accountName") or response.get("merchantName")),
            ("bank", (response.get("paymentOperator") or {}).get("name") or account.get("bankName")),
            ("account", account.get("accountNumber")),
            ("reference", facts.reference),
        ]
        units, code = answers.due(payment, facts)
        method = PAYIN[facts.code]
        noted = response.get("externalReference", {}).get("reference")
        return Shown(
            shop=facts.channel_name,
            reference=facts.id,
            amount=Money(units, known(code)),
            lines=tuple((label, value) for label, value in lines if value),
            payload=answers.qr_payload(payment) if method.qr else None,
            wants_reference=method.external_reference,
            known_reference=noted,
        )

    def path(self, payment: Payment) -> str:
        return answers.page_path(payment)

    async def note(self, payment: Payment, reference: str) -> None:
        try:
            typed = fields.text({"reference": reference.strip()}, "reference", 512, required=True)
        except Fault:
            return
        assert typed is not None, "it was required"
        await self._payins.note(payment, typed)


def _choices(channel: Channel, names: Mapping[str, str]) -> list[Choice]:
    """A channel as the buyer sees it: one row for each operator that is on."""
    kind = KINDS[channel.method]
    on = [operator for operator in channel.operators if operator.on]
    if channel.operators:
        return [Choice(code=f"{channel.method}:{one.code}", kind=kind, name=names.get(one.code, one.code)) for one in on]
    return [Choice(code=channel.method, kind=kind)]


def _inputs(chosen: str, asked: Asked, query: Mapping[str, str], typed: Mapping[str, str]) -> tuple[Input, ...]:
    """What the method needs of the buyer: its required fields in this currency. What the link brought along is filled in."""
    code, _, operator = chosen.partition(":")
    method = PAYIN[code]
    demanded = set(method.by_currency.get(asked.code, "").split())
    needed: list[str] = []
    if asked.code not in method.relaxed:
        for spec in specs(method.request):
            names = [(f"account.{one.name}", one) for one in spec.inner] if spec.inner else [(spec.name, spec)]
            needed += [one.name for path, one in names if (one.required or path in demanded) and one.name in TYPED]
    if method.operator_when is not None and operator == method.operator_when[0]:
        needed.append(method.operator_when[1])
    found = []
    for name in needed:
        value = typed.get(name, query.get(name, "")).strip()
        found.append(Input(name=name, required=True, value=value, wrong="filled" in typed and not fields.good(code, name, value)))
    return tuple(found)


def _again(offer: Offer) -> Offer:
    """The choice once more: what was chosen could not be begun."""
    return Offer(
        shop=offer.shop, reference=offer.reference, amount=offer.amount, return_url=offer.return_url, choices=offer.choices, failed=True
    )
