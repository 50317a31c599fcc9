"""`paymux channel add`, `remove`, `merchant` and `secret`: which channels a merchant has, and what all of them share. In live mode, too."""

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from paymux.cli.channel import DIALECT, amount_units, edit, percent
from paymux.cli.run import AsJson, Declined, Id, Where, bad_option, run, tell_json

if TYPE_CHECKING:
    from paymux.app.core import Core
    from paymux.merchants.channels import Channel, Profile

Yes = Literal["yes", "no"]


def add(
    merchant_id: Id,
    name: str,
    /,
    *,
    least: str,
    most: str,
    daily: str | None = None,
    fee_percent: str = "0",
    fee: str = "0",
    operator: list[str] | None = None,
    operator_required: Yes = "no",
    segment: list[str] | None = None,
    where: Where | None = None,
) -> None:
    """Give a merchant a channel: one method in one currency. The next request sees it.

    Parameters
    ----------
    name
        DIRECTION:METHOD:CURRENCY, such as PAYIN:VAPAY:IDR or PAYOUT:BANK_TRANSFER:ZAR.
    least
        The smallest amount, in major units.
    most
        The largest amount, in major units.
    daily
        What may be accepted in a day (UTC), in major units.
    fee_percent
        The fee's share of the amount.
    fee
        The fixed part of a payout's fee, in major units.
    operator
        CODE=NAME of a bank or wallet behind it; may be given several times.
    operator_required
        Whether a request must name one of them.
    segment
        Only for this segment; may be given several times.
    """
    from msgspec.structs import replace

    operators = dict(_operator(text) for text in operator or [])
    made = _channel(name, least, most, daily, fee_percent, fee)
    made = replace(made, **_behind(operators, operator_required == "yes", segment or []))

    def whole(profile: "Profile") -> "Profile":
        if name in {channel.name for channel in profile.channels}:
            raise Declined(f"merchant {merchant_id} has a channel {name}: see paymux channel set")
        return replace(
            profile,
            currencies=tuple(dict.fromkeys((*profile.currencies, made.currency))),
            segments=tuple(dict.fromkeys((*profile.segments, *made.segments))),
            operators={**profile.operators, **operators},
            channels=(*profile.channels, made),
        )

    run(where, partial(edit, merchant_id, whole))
    print(f"Merchant {merchant_id} has the channel {name}.")


def _channel(name: str, least: str, most: str, daily: str | None, fee_percent: str, fee: str) -> "Channel":
    from paymux.dialects.echelon.methods import PAYIN, PAYOUT
    from paymux.merchants.channels import Channel, Direction
    from paymux.money import currency

    direction, _, rest = name.partition(":")
    method, _, code = rest.partition(":")
    if direction not in tuple(Direction):
        raise Declined(f"{name}: write DIRECTION:METHOD:CURRENCY with PAYIN or PAYOUT, such as PAYIN:VAPAY:IDR")
    methods = PAYIN if direction == Direction.PAYIN else PAYOUT
    if method not in methods:
        raise Declined(f"there is no {direction} method {method}; there are {', '.join(methods)}")
    known = currency(code)
    if known is None:
        raise Declined(f"there is no currency {code}")
    channel = Channel(
        direction=Direction(direction),
        method=method,
        currency=code,
        from_units=amount_units("least", least, known.exponent),
        to_units=amount_units("most", most, known.exponent),
        daily_units=None if daily is None else amount_units("daily", daily, known.exponent),
        fee_percent=percent(fee_percent),
        fee_units=amount_units("fee", fee, known.exponent),
    )
    if channel.from_units > channel.to_units:
        raise bad_option("most", "the largest amount is below the smallest")
    return channel


def _operator(text: str) -> tuple[str, str]:
    from paymux.dialects.echelon.fields import is_operator

    code, _, title = text.partition("=")
    if not is_operator(code) or not title.strip():
        raise bad_option("operator", f"{text!r}: write CODE=NAME, the code of up to 30 letters, digits, _ and -")
    return code, title.strip()


def _behind(operators: dict[str, str], required: bool, segments: list[str]) -> dict[str, Any]:
    from paymux.merchants.channels import Operator

    if required and not operators:
        raise bad_option("operator-required", "the channel has no operator")
    return {
        "operators": tuple(Operator(code=code) for code in operators),
        "operator_required": required,
        "segments": tuple(dict.fromkeys(segments)),
    }


def remove(merchant_id: Id, name: str, /, *, where: Where | None = None) -> None:
    """Take a channel from a merchant; what was accepted on it goes on.

    Parameters
    ----------
    name
        Which, such as PAYIN:VAPAY:IDR; see paymux channel list.
    """
    from msgspec.structs import replace

    def whole(profile: "Profile") -> "Profile":
        left = tuple(channel for channel in profile.channels if channel.name != name)
        if len(left) == len(profile.channels):
            raise Declined(f"merchant {merchant_id} has no channel {name}; see paymux channel list {merchant_id}")
        return replace(profile, channels=left)

    run(where, partial(edit, merchant_id, whole))
    print(f"Merchant {merchant_id} has no channel {name} any more.")


def secret(merchant_id: Id, /, *, rotate: bool = False, as_json: AsJson = False, where: Where | None = None) -> None:
    """Give a merchant a new secret for Echelon's API; the old one is refused from the next request on.

    Parameters
    ----------
    rotate
        Do it. Tokens that the old secret was given count until they expire, an hour at most.
    """
    from paymux.merchants.change import Keys, RotateKey
    from paymux.merchants.profiles import Profiles

    if not rotate:
        raise bad_option("rotate", "secrets are kept as hashes and cannot be shown; say --rotate for a new one")

    async def work(core: "Core") -> tuple[str, str]:
        known = (await core.reader.submit(Profiles().by_merchant, (merchant_id, DIALECT))).merchant
        if known is None:
            raise Declined(f"there is no merchant {merchant_id} with Echelon's API")
        made = await core.writer.submit(Keys(core.keyring).rotate, RotateKey(merchant_id=merchant_id, dialect=DIALECT))
        assert made is not None, "the merchant was there"
        return known.code, made

    code, made = run(where, work, secret_key=True)
    if as_json:
        return tell_json({"merchant_id": merchant_id, "credentials": {DIALECT: {"merchant_code": code, "secret": made}}})
    from paymux.cli import show

    show.fields([("merchant code", code), ("secret", made)], f"Merchant {merchant_id}: the new secret. It is not shown again.")


def merchant(
    merchant_id: Id,
    /,
    *,
    name: str | None = None,
    currency: list[str] | None = None,
    segment: list[str] | None = None,
    deny_address: list[str] | None = None,
    allow_address: list[str] | None = None,
    where: Where | None = None,
) -> None:
    """Change what all channels of a merchant share; what is not given stays. The next request sees it.

    Parameters
    ----------
    name
        What customers see as the payee.
    currency
        A currency to add; may be given several times.
    segment
        A segment of customers to add; may be given several times.
    deny_address
        A customer's IP address that may not pay; may be given several times.
    allow_address
        One that may pay again; may be given several times.
    """
    from msgspec.structs import replace

    from paymux.dialects.echelon.fields import is_ip
    from paymux.money import currency as known

    for code in currency or []:
        if known(code) is None:
            raise Declined(f"there is no currency {code}")
    for address in (*(deny_address or []), *(allow_address or [])):
        if not is_ip(address):
            raise Declined(f"{address} is not an IP address")
    if name is not None and not 1 <= len(name.strip()) <= 64:
        raise bad_option("name", "1 to 64 characters")

    def whole(profile: "Profile") -> "Profile":
        denied = dict.fromkeys((*profile.ips_denied, *(deny_address or [])))
        return replace(
            profile,
            channel_name=profile.channel_name if name is None else name.strip(),
            currencies=tuple(dict.fromkeys((*profile.currencies, *(currency or [])))),
            segments=tuple(dict.fromkeys((*profile.segments, *(segment or [])))),
            ips_denied=tuple(one for one in denied if one not in (allow_address or [])),
        )

    run(where, partial(edit, merchant_id, whole))
    print(f"The channels of merchant {merchant_id} are changed.")
