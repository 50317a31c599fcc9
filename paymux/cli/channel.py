"""`paymux channel …`: what a merchant's channels take, cost and come to. True for the very next request."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from paymux.cli.run import AsJson, Declined, Id, Switch, Where, bad_option, between, run, tell_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from paymux.app.core import Core
    from paymux.merchants.channels import Channel, Profile

DIALECT = "echelon"
State = Literal["open", "closed", "off", "faulty"]


def list_(merchant_id: Id, /, *, as_json: AsJson = False, where: Where | None = None) -> None:
    """List a merchant's channels."""
    from paymux.cli import show as eyes
    from paymux.merchants.profiles import Profiles

    async def work(core: "Core") -> Any:
        return (await core.reader.submit(Profiles().by_merchant, (merchant_id, DIALECT))).merchant

    merchant = run(where, work)
    if merchant is None:
        raise Declined(f"merchant {merchant_id} has no channels, or there is no such merchant")
    profile: Profile = merchant.profile
    if as_json:
        return tell_json({"merchant_code": merchant.code, **eyes.plain(profile)})
    rows = [
        (
            channel.name,
            channel.status,
            eyes.amount(channel.from_units, channel.currency),
            eyes.amount(channel.to_units, channel.currency),
            "" if channel.daily_units is None else eyes.amount(channel.daily_units, channel.currency),
            f"{channel.fee_percent} %" + (f" + {eyes.amount(channel.fee_units, channel.currency)}" if channel.fee_units else ""),
            ", ".join(one.code if one.on else f"({one.code})" for one in channel.operators),
            ", ".join(channel.segments) or "all",
        )
        for channel in profile.channels
    ]
    heads = ("channel", "status", "from", "up to", "a day", "fee", "operators", "segments")
    eyes.table(heads, rows, f"{merchant.code}: {profile.channel_name}", "no channels")


def set_(
    merchant_id: Id,
    name: str,
    /,
    *,
    status: State | None = None,
    least: str | None = None,
    most: str | None = None,
    daily: str | None = None,
    fee_percent: str | None = None,
    fee: str | None = None,
    operator_on: list[str] | None = None,
    operator_off: list[str] | None = None,
    segment: list[str] | None = None,
    redirect: Switch | None = None,
    where: Where | None = None,
) -> None:
    """Change a channel; what is not given stays. The next request sees it.

    Parameters
    ----------
    name
        Which, such as PAYIN:VAPAY:IDR; see paymux channel list.
    status
        closed: active, but not taking payments now. off: not active. faulty: the processing behind it has trouble.
    least
        The smallest amount, in major units.
    most
        The largest amount, in major units.
    daily
        What may be accepted in a day (UTC), in major units; none: no cap.
    fee_percent
        The fee's share of the amount.
    fee
        The fixed part of a payout's fee, in major units.
    operator_on
        An operator that is switched on; may be given several times.
    operator_off
        An operator that is switched off; may be given several times.
    segment
        Only for this segment; may be given several times. all: for everybody.
    redirect
        Whether the customer goes on at a page of ours; for ONLINE, EWALLET and NETBANKING.
    """
    change = _Change(
        status,
        least,
        most,
        daily,
        fee_percent,
        fee,
        operator_on or [],
        operator_off or [],
        segment,
        None if redirect is None else redirect == "on",
    )

    def whole(profile: "Profile") -> "Profile":
        from msgspec.structs import replace

        if name not in {channel.name for channel in profile.channels}:
            known_names = ", ".join(channel.name for channel in profile.channels)
            raise Declined(f"merchant {merchant_id} has no channel {name}; it has {known_names or 'none'}")
        channels = tuple(_changed(one, change) if one.name == name else one for one in profile.channels)
        return replace(profile, channels=channels, segments=_known(profile, segment or []))

    run(where, partial(edit, merchant_id, whole))
    print(f"Channel {name} of merchant {merchant_id} is changed.")


def _known(profile: "Profile", named: list[str]) -> tuple[str, ...]:
    """The segments that the merchant has, with those that a channel names."""
    return tuple(dict.fromkeys((*profile.segments, *(one for one in named if one != "all"))))


@dataclass(frozen=True, slots=True)
class _Change:
    """What was given on the line; amounts still as text, since their decimals are the channel's currency's."""

    status: str | None
    least: str | None
    most: str | None
    daily: str | None
    fee_percent: str | None
    fee: str | None
    operator_on: list[str]
    operator_off: list[str]
    segment: list[str] | None
    redirect: bool | None


def _changed(channel: "Channel", change: _Change) -> "Channel":
    from msgspec.structs import replace

    from paymux.money import known

    exponent = known(channel.currency).exponent
    given: dict[str, Any] = {}
    if change.status is not None:
        given["status"] = type(channel.status)(change.status)
    for field, option, text in (("from_units", "least", change.least), ("to_units", "most", change.most), ("fee_units", "fee", change.fee)):
        if text is not None:
            given[field] = amount_units(option, text, exponent)
    if change.daily is not None:
        given["daily_units"] = None if change.daily == "none" else amount_units("daily", change.daily, exponent)
    if change.fee_percent is not None:
        given["fee_percent"] = percent(change.fee_percent)
    if change.segment is not None:
        given["segments"] = () if change.segment == ["all"] else tuple(change.segment)
    if change.redirect is not None:
        given["redirect"] = change.redirect
    changed = replace(channel, **given)
    if changed.from_units > changed.to_units:
        raise bad_option("most", "the largest amount is below the smallest")
    return replace(changed, operators=_switched(channel, change.operator_on, change.operator_off))


def outcome(
    merchant_id: Id,
    /,
    *,
    up_to: list[str] | None = None,
    after_seconds: Annotated[int | None, between(0, 86400)] = None,
    where: Where | None = None,
) -> None:
    """Say what the sandbox makes of a merchant's amounts, and how fast; without --up-to the contract's table counts again.

    Parameters
    ----------
    up_to
        AMOUNT=OUTCOME: amounts up to this one come to paid, declined, broken, expired, short or nothing; larger ones are paid.
        May be given several times.
    after_seconds
        From acceptance to the outcome.
    """
    from msgspec.structs import replace

    from paymux.payments.turn import Turn

    table: list[tuple[Decimal, str]] = []
    for text in up_to or []:
        amount, _, word = text.partition("=")
        if word not in tuple(Turn):
            raise bad_option("up-to", f"{text!r}: write AMOUNT=OUTCOME with one of {', '.join(Turn)}")
        table.append((_decimal("up-to", amount), word))

    def whole(profile: "Profile") -> "Profile":
        delay = profile.outcome_ms if after_seconds is None else after_seconds * 1000
        return replace(profile, magic=tuple(sorted(table)), outcome_ms=delay)

    run(where, partial(edit, merchant_id, whole), sandbox=True)
    print(f"The sandbox's outcomes of merchant {merchant_id} are set.")


async def edit(merchant_id: int, change: "Callable[[Profile], Profile]", core: "Core") -> None:
    """Change a merchant's channels."""
    from paymux.merchants.profiles import EditProfile, edit_profiles

    changed = await core.writer.submit(edit_profiles, EditProfile(merchant_id=merchant_id, dialect=DIALECT, edit=change))
    if changed is None:
        raise Declined(f"merchant {merchant_id} has no channels, or there is no such merchant")


def _switched(channel: "Channel", on: list[str], off: list[str]) -> Any:
    from msgspec.structs import replace

    codes = {operator.code for operator in channel.operators}
    for code in (*on, *off):
        if code not in codes:
            raise Declined(f"{channel.name} has no operator {code}; it has {', '.join(sorted(codes)) or 'none'}")
    return tuple(replace(one, on=one.code in on or (one.on and one.code not in off)) for one in channel.operators)


def _decimal(option: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value < 0:
        raise bad_option(option, f"{text!r} is not an amount")
    return value


def amount_units(option: str, text: str, exponent: int) -> int:
    from paymux.money import decimal_units

    units = decimal_units(text, exponent)
    if units is None:
        raise bad_option(option, f"{text!r} is not an amount with at most {exponent} decimals")
    return units


def percent(text: str) -> Decimal:
    value = _decimal("fee-percent", text)
    if value > 100:
        raise bad_option("fee-percent", "at most 100")
    return value
