"""Echelon's answers: what is stored -> JSON objects. Pure.

Amounts are exact decimals in major units, whole ones without a fraction; moments are RFC 3339 with milliseconds. What a payin's answer
carries is read from its method's row. Source: Echelon's OpenAPI document and status pages.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from paymux.clock import iso_ms
from paymux.dialects.echelon import details, fields, statuses
from paymux.dialects.echelon.details import Details
from paymux.dialects.echelon.methods import PAYIN, Spec, specs
from paymux.dialects.echelon.statuses import PAYOUT_WORDS, Reason, Word
from paymux.dialects.echelon.topup_wire import TopUp
from paymux.ledger.read import Standing
from paymux.merchants.channels import Channel, Direction, Profile, Status, Used
from paymux.merchants.profiles import Profiled
from paymux.money import share
from paymux.payments.model import Payment
from paymux.payouts.lifecycle import FINAL, PayoutState
from paymux.payouts.model import Payout

Json = dict[str, Any]
BANK = {"bankCode": "PMXSANDB", "bankName": "Paymux Sandbox Bank"}


def money(units: int, code: str) -> Json:
    return {"amount": fields.amount_of(units, code), "currencyCode": code}


# ---- payins


def created(payment: Payment, base_url: str) -> Json:
    """The answer to an accepted payin: instructions, or where the customer goes on."""
    facts = details.decode(payment.details)
    if facts.redirect:
        return {**_asked(payment, facts), "redirectTo": {"method": "GET", "url": f"{base_url}{page_path(payment)}"}}
    return {**_asked(payment, facts), "paymentMethodResponse": method_response(payment, facts, base_url)}


def _asked(payment: Payment, facts: Details) -> Json:
    """The echo of the request; of a top-up also both sides of it, as they were fixed when it was accepted."""
    if facts.pays is None:
        return {"paymentRequested": facts.requested}
    return {
        "topUpRequested": facts.requested,
        "moneyProvided": money(*facts.pays),
        "moneyRequired": money(payment.amount_units, payment.currency),
    }


def sides(asked: TopUp) -> Json:
    """Both sides of a top-up as they would be now."""
    return {"moneyProvided": asked.provided.echo, "moneyRequired": asked.required.echo}


def due(payment: Payment, facts: Details) -> tuple[int, str]:
    """What the customer pays: units and currency."""
    if facts.pays is not None:
        return facts.pays
    return (payment.amount_units if facts.required_units is None else facts.required_units), payment.currency


def page_path(payment: Payment) -> str:
    """The customer's page of an accepted payin: its own name is random, so nobody finds it by counting."""
    facts = details.decode(payment.details)
    return f"/?payment={payment.id}.{facts.id_payment}"


def qr_path(payment: Payment, facts: Details) -> str:
    return f"/qr/{payment.id}/{facts.id_payment}.png"


def read(payment: Payment, base_url: str, now: int, is_test: bool) -> Json:
    """A payin as it stands."""
    facts = details.decode(payment.details)
    word = statuses.word(payment, now)
    process: Json = {"status": word, "createdAt": iso_ms(payment.created_at), "isTest": is_test}
    if word is not Word.PROCESSING:
        ended = iso_ms(statuses.ended_at(payment, now))
        process["processedAt"] = ended
        if word is Word.FAILED:
            process["failureReasons"] = {"failedAt": ended, "failureReasonCode": statuses.reason(payment, now)}
    return {
        **_asked(payment, facts),
        "process": process,
        "fee": money(share(payment.amount_units, facts.fee_percent), payment.currency),
        "paymentMethodResponse": method_response(payment, facts, base_url),
    }


def method_response(payment: Payment, facts: Details, base_url: str) -> Json:
    """What the method's row says, beside what every payin has."""
    found: Json = {
        "idPayin" if facts.pays is None else "idTopUp": facts.id,
        "idPayment": facts.id_payment,
        "paymentMethodCode": facts.code,
        "money": money(payment.amount_units, payment.currency) if facts.pays is None else money(*facts.pays),
        "reference": facts.reference,
        "returnUrl": payment.return_url,
        "acceptedAt": iso_ms(payment.created_at),
        "expireAt": iso_ms(payment.expires_at),
    }
    known_values = _values(payment, facts, base_url)
    for spec in specs(PAYIN[facts.code].answer):
        value = _filled(spec, known_values)
        if value not in (None, {}) or spec.required:
            found[spec.name] = value
    return found


def _filled(spec: Spec, values: Mapping[str, Any]) -> Any:
    value = values.get(spec.name)
    if not spec.inner:
        return value
    inner = {one.name: value.get(one.name) for one in spec.inner} if isinstance(value, dict) else {}
    return {name: one for name, one in inner.items() if one is not None}


def _values(payment: Payment, facts: Details, base_url: str) -> Json:
    """Everything a row may ask for; what is None is left out."""
    sent, account = facts.method, facts.method.get("account") or {}
    payer = msgspec.json.decode(payment.payer) if payment.payer else {}
    upi = upi_link(payment, facts) if facts.code in ("UPIQR", "P2A_V2", "IMPS") else None
    return {
        "account": {"accountName": facts.channel_name, "accountNumber": facts.account_number, "accountType": "current", **BANK},
        "accountCustomer": account,
        "paymentOperator": {"code": facts.operator, "name": facts.operator_name} if facts.operator else None,
        "moneyRequired": None if facts.required_units is None else money(facts.required_units, payment.currency),
        "merchantName": facts.channel_name,
        "paymentAddress": {"name": facts.channel_name, "idAddress": f"{facts.account_number}@paymux"},
        "qrName": facts.channel_name,
        "qrCode": base_url + qr_path(payment, facts),
        "upiQrDeepLink": upi,
        "externalReference": {"reference": payer["reference"]} if "reference" in payer else None,
        **{name: sent.get(name) for name in ("productId", "upiId", "phoneNumber", "said")},
    }


def upi_link(payment: Payment, facts: Details) -> str:
    """What a UPI app reads."""
    units, code = due(payment, facts)
    amount = fields.amount_of(units, code)
    name = "".join(mark if mark.isascii() and mark.isalnum() else "%20" for mark in facts.channel_name)
    return f"upi://pay?pa={facts.account_number}@paymux&pn={name}&am={amount}&cu={code}&tr={facts.reference}"


def qr_payload(payment: Payment) -> str:
    """What the image of the code says."""
    facts = details.decode(payment.details)
    if facts.code in ("UPIQR", "P2A_V2", "IMPS"):
        return upi_link(payment, facts)
    units, code = due(payment, facts)
    return f"{facts.code}|{facts.account_number}|{fields.amount_of(units, code)}|{code}|{facts.reference}"


def accounts(payment: Payment) -> Json:
    """What the request carried of the customer's account, and what was learned of it since."""
    facts = details.decode(payment.details)
    payer = msgspec.json.decode(payment.payer) if payment.payer else {}
    asked = dict(facts.method.get("account") or {})
    if facts.operator:
        asked["paymentOperator"] = {"code": facts.operator, "name": facts.operator_name}
    return {"customerAccountRequest": asked, "customerAccountProcess": payer.get("account") or {}}


# ---- payouts

REASONS = {"invalid_account_number": Reason.ACCOUNT_NUMBER, "invalid_account_name": Reason.ACCOUNT_NAME, "never_sent": Reason.SYSTEM}


def payout_created(payout: Payout) -> Json:
    facts = details.decode(payout.details)
    return {"paymentRequested": facts.requested, "paymentMethodResponse": _payout_response(facts)}


def _payout_response(facts: Details) -> Json:
    return {"idPayout": facts.id, "idPayment": facts.id_payment, "paymentMethodCode": facts.code, "reference": facts.reference}


def payout_read(payout: Payout, is_test: bool) -> Json:
    """A payout as it stands."""
    facts = details.decode(payout.details)
    process: Json = {"status": PAYOUT_WORDS[payout.state], "createdAt": iso_ms(payout.created_at), "isTest": is_test}
    if payout.state in FINAL and payout.ended_at is not None:
        process["processedAt"] = iso_ms(payout.ended_at)
        if payout.state is PayoutState.FAILED:
            reason = REASONS.get(payout.reason or "", Reason.PROCESS)
            process["failureReasons"] = {"failedAt": iso_ms(payout.ended_at), "failureReasonCode": reason}
    return {
        "paymentRequested": facts.requested,
        "process": process,
        "fee": money(payout.fee_units, payout.currency),
        "paymentMethodResponse": _payout_response(facts),
    }


# ---- options and lists


def available(profile: Profile, channels: Sequence[Channel], segment: str | None) -> Json:
    """The options that could be taken now. What a payout costs stands beside each operator."""
    data = []
    for channel in channels:
        option: Json = {"paymentMethodCode": channel.method}
        on = [operator.code for operator in channel.operators if operator.on]
        if on:
            option["paymentOperators"] = [
                {"code": code, "name": profile.operators.get(code, code), **_operator_fee(channel)} for code in on
            ]
        if segment is not None:
            option["segmentCode"] = segment
        data.append(option)
    return {"data": data}


def _operator_fee(channel: Channel) -> Json:
    if channel.direction is Direction.PAYIN:
        return {}
    least, most = channel.fee(channel.from_units), channel.fee(channel.to_units)
    return {"customerTransactionFee": {"minFee": money(least, channel.currency), "maxFee": money(most, channel.currency)}}


def payment_options(
    profile: Profile, kept: Callable[[Channel], bool], segments: Sequence[str] | None, used: Used, served: Collection[Direction]
) -> Json:
    """Every channel with its limits, and whether it takes payments now."""
    data = []
    for channel in profile.channels:
        if not kept(channel):
            continue
        cap = channel.daily_units
        open_now = channel.direction in served and channel.status is Status.OPEN and (cap is None or used.get(channel.name, 0) < cap)
        limit = _limit(channel)
        option: Json = {
            "paymentTypeCode": channel.direction,
            "paymentMethodCode": channel.method,
            "currencyCode": channel.currency,
            "transactionAmountLimit": limit,
            "isAvailable": open_now,
        }
        if channel.operators:
            option["paymentOperators"] = [
                {
                    "code": one.code,
                    "name": profile.operators.get(one.code, one.code),
                    "isAvailable": open_now and one.on,
                    "transactionAmountLimit": limit,
                }
                for one in channel.operators
            ]
        for segment in channel.segments or (None,):
            if segments is None or segment is None or segment in segments:
                data.append(option if segment is None else {**option, "segmentCode": segment})
    return {"data": data}


def _limit(channel: Channel) -> Json:
    low, high = (fields.amount_of(units, channel.currency) for units in (channel.from_units, channel.to_units))
    return {"from": low, "to": high}


def balances(merchant: Profiled, standings: Mapping[str, Standing], wanted: Sequence[str] | None) -> Json:
    """balance - (pendingSettlementAmount + pendingPayoutAmount) = availableBalance, from the books."""
    data = []
    owned = dict.fromkeys((*merchant.profile.currencies, *standings))
    for code in owned if wanted is None else (one for one in wanted if one in owned):
        found = standings.get(code) or Standing(currency=code, available_units=0, reserve_units=0, in_transit_units=0, moved_at=None)
        data.append(
            {
                "currencyCode": code,
                "balance": fields.amount_of(found.balance_units, code),
                "availableBalance": fields.amount_of(found.available_units, code),
                "pendingSettlementAmount": fields.amount_of(found.reserve_units, code),
                "pendingPayoutAmount": fields.amount_of(found.in_transit_units, code),
                "lastBalanceMovement": iso_ms(found.moved_at or merchant.created_at),
            }
        )
    return {"data": data}
