"""What the sandbox's bank does with each step of a payer. Pure: the charge and the dialogue in, both and the reply out.

A step that does not fit where the dialogue stands changes nothing and is told where it stands, so that a second click does nothing twice.
"""

from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from paymux.clock import MINUTE
from paymux.decline import DeclineReason
from paymux.providers.bank import Account, Step
from paymux.providers.sandbox.banks import ACCOUNTS, BANKS, DOWN_PASSWORD, QUESTIONS, REFUSED_PASSWORD, WRONG_KEY, Code
from paymux.providers.sandbox.charge import Act, Acted, Charge, State, act_on

WRONG_MAX = 3
CODES = frozenset(bank.code for bank in BANKS)
REFUSALS: dict[str, DeclineReason] = {Code.NO_FUNDS: DeclineReason.INSUFFICIENT_FUNDS, Code.REJECTED: DeclineReason.DO_NOT_HONOR}


class Said(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step on the wire. `do`: look, identify, choose or answer."""

    do: str
    bank: str = ""
    payer: str = ""
    password: str = ""
    account: str = ""
    number: int = 0
    value: str = ""


class Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the dialogue stands, on the wire."""

    step: Step
    bank: str | None = None
    payer: str | None = None
    accounts: tuple[Account, ...] = ()
    account: str | None = None
    number: int = 0
    digits: int = 0
    wrong: bool = False


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the bank keeps of a dialogue; never a password."""

    operation_key: str
    bank: str
    payer: str
    account: str | None = None
    answered: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What a step came to. `refused`: why, if it was; `down`: the bank does not serve; `broken`: the line breaks before the answer."""

    reply: Reply
    kept: Kept | None
    acted: Acted | None = None
    refused: DeclineReason | None = None
    down: bool = False
    broken: bool = False


def hear(charge: Charge, kept: Kept | None, said: Said, now: int) -> Heard:
    """One step of a payer."""
    if charge.state is not State.OPEN or charge.next_act is not None:
        refused = (charge.decline_reason or DeclineReason.UNKNOWN) if charge.state is State.DECLINED else None
        return Heard(Reply(step=Step.OVER), kept, refused=refused)
    if said.do == "identify" and said.bank in CODES:
        return _identify(charge, kept, said, now)
    if kept is not None and said.do == "choose" and kept.account is None:
        account = next((one.label for one in ACCOUNTS if one.id == said.account), None)
        if account is not None:
            kept = replace(kept, account=account)
    elif kept is not None and said.do == "answer" and kept.account is not None and said.number == kept.answered:
        return _answer(charge, kept, said.value.strip(), now)
    return Heard(stands(kept), kept)


def stands(kept: Kept | None, wrong: bool = False) -> Reply:
    """What the bank waits for."""
    if kept is None:
        return Reply(step=Step.IDENTIFY)
    if kept.account is None:
        return Reply(step=Step.ACCOUNT, bank=kept.bank, payer=kept.payer, accounts=ACCOUNTS)
    step, digits = QUESTIONS[min(kept.answered, len(QUESTIONS) - 1)]
    return Reply(step=step, bank=kept.bank, payer=kept.payer, account=kept.account, number=kept.answered, digits=digits, wrong=wrong)


def _identify(charge: Charge, kept: Kept | None, said: Said, now: int) -> Heard:
    if said.password == DOWN_PASSWORD:
        return Heard(stands(kept), kept, down=True)
    if said.password == REFUSED_PASSWORD or not said.password:
        return _refused(charge, kept, DeclineReason.AUTHENTICATION_FAILED, now)
    begun = Kept(operation_key=charge.operation_key, bank=said.bank, payer=said.payer)
    return Heard(stands(begun), begun)


def _answer(charge: Charge, kept: Kept, value: str, now: int) -> Heard:
    _, digits = QUESTIONS[kept.answered]
    if len(value) != digits or not (value.isascii() and value.isdigit()) or value == WRONG_KEY:
        kept = replace(kept, wrong=kept.wrong + 1)
        if kept.wrong >= WRONG_MAX:
            return _refused(charge, kept, DeclineReason.AUTHENTICATION_FAILED, now)
        return Heard(stands(kept, wrong=True), kept)
    if kept.answered + 1 < len(QUESTIONS):
        kept = replace(kept, answered=kept.answered + 1, wrong=0)
        return Heard(stands(kept), kept)
    if value == Code.BROKEN:
        return Heard(stands(kept), kept, broken=True)
    if value in REFUSALS:
        return _refused(charge, kept, REFUSALS[value], now)
    if value == Code.SLOW:
        slow = act_on(charge, Act.PENDING, now)
        assert slow is not None, "an open charge can become pending"
        arrives = replace(slow.charge, next_act=Act.ARRIVE, due_at=now + MINUTE)
        return Heard(Reply(step=Step.OVER), kept, Acted(arrives, slow.told))
    return Heard(Reply(step=Step.OVER), kept, act_on(charge, Act.APPROVE, now))


def _refused(charge: Charge, kept: Kept | None, why: DeclineReason, now: int) -> Heard:
    return Heard(Reply(step=Step.OVER), kept, act_on(charge, Act.DECLINE, now, why), refused=why)
