"""Where a top-up's money goes on to: the payout that its token's settlement method asks for, on the merchant's own payout channel.

Source: Echelon's page on top-ups says that the amount is sent there by itself; by which channel and at which fee is ours.
"""

from paymux import ids
from paymux.dialects.echelon import details
from paymux.dialects.echelon.answers import money
from paymux.dialects.echelon.details import Details
from paymux.dialects.echelon.topup_wire import TopUp
from paymux.merchants import channels
from paymux.merchants.channels import Bar, Direction, Profile, Wish
from paymux.payouts.onward import Onward


def onward(profile: Profile, id_top_up: str, topup: TopUp, remitter: str | None) -> Onward | Bar | None:
    """The payout to come; None without a settlement method, or the rule that leaves no channel for it."""
    to, credited = topup.settlement, topup.required.money
    if to is None or credited is None:
        return None
    wish = Wish(
        direction=Direction.PAYOUT,
        currency=topup.required.code,
        units=credited.units,
        method=to.paymentMethodCode,
        operator=to.paymentOperatorCode,
    )
    channel = channels.pick(profile, wish, {})
    if isinstance(channel, Bar):
        return channel
    if remitter is None:
        return Bar.NONE_ACTIVE
    facts = Details(
        id=id_top_up,
        id_payment="po_" + ids.token(24),
        code=to.paymentMethodCode,
        requested=details.raw({"money": money(credited.units, topup.required.code)}),
        method={"account": {"accountNumber": to.accountNumber}, "paymentOperatorCode": to.paymentOperatorCode},
        operator_name=profile.operators.get(to.paymentOperatorCode),
        channel_name=profile.channel_name,
        reference=ids.token(10).upper(),
    )
    return Onward(method=channel.method, provider=remitter, fee_units=channel.fee(credited.units), details=details.encode(facts))
