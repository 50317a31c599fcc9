"""The pages that tell how it went: tone, sentences and facts of each, as tables. Pure."""

from dataclasses import dataclass

from markupsafe import Markup

from paymux.checkout import words
from paymux.checkout.amounts import amount_markup, time_markup
from paymux.checkout.view import Decline, Detail, Instructions, Screen, View
from paymux.money import Money

Fact = tuple[str, Markup, str | None]  # label's key, value, what a copy button copies
PAID_FOR = frozenset({Screen.PAID, Screen.SURPLUS, Screen.ALREADY_PAID})


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one of these pages looks, and whether the buyer's money may be in it."""

    tone: str  # good, bad, doubt or calm: a class in the stylesheet
    icon: str
    money_may_come: bool  # True: leaving goes to the return URL only, never to the cancel URL


OUTCOMES = {
    Screen.PAID:         Outcome("good", "check", True),
    Screen.SURPLUS:      Outcome("good", "check", True),
    Screen.ALREADY_PAID: Outcome("good", "check", True),
    Screen.DECLINED:     Outcome("bad", "cross", False),
    Screen.FAILED:       Outcome("bad", "cross", False),
    Screen.SHORT:        Outcome("doubt", "part", True),
    Screen.REVIEW:       Outcome("doubt", "eye", True),
    Screen.UNCLEAR:      Outcome("doubt", "clock", True),
    Screen.EXPIRED:      Outcome("calm", "clock", False),
    Screen.CANCELLED:    Outcome("calm", "back", False),
    Screen.UNKNOWN:      Outcome("calm", "question", False),
    Screen.BUSY:         Outcome("calm", "clock", True),
}  # fmt: skip


def paragraphs(view: View) -> list[str]:
    """Keys of the sentences, in order: what happened, what it means for the money, what to do next."""
    again = [] if view.choosable else ["again.shop"]
    some_came = view.received is not None and view.received.units > 0
    match view.screen:
        case Screen.DECLINED:
            return [f"decline.{view.decline}", "declined.money", *again]
        case Screen.CANCELLED:
            return ["nothing_charged", *again]
        case Screen.FAILED:
            why = [] if view.decline is Decline.UNKNOWN else [f"decline.{view.decline}"]
            return ["failed.received"] if some_came else [*why, "nothing_charged", "again.shop"]
        case Screen.EXPIRED:
            return ["expired.text", "expired.sent"] if view.reference else ["expired.text"]
        case Screen.SHORT:
            return ["short.text", "short.send" if view.instructions else "short.contact"]
        case Screen.REVIEW | Screen.UNCLEAR:
            return [f"{view.screen}.text", "doubt.close"]
        case Screen.PAID:
            return ["paid.text"] if view.return_url else ["paid.text", "paid.close"]
        case _:
            return [f"{view.screen}.text"]


def facts(view: View) -> list[Fact]:
    """The lines of the small table: amounts where they differ from what was asked, time, and what to quote to the shop."""
    found: list[Fact] = []

    def money(key: str, amount: Money) -> None:
        found.append((key, amount_markup(amount, view.language), None))

    asked, came = view.amount, view.received
    if view.screen in {Screen.SHORT, Screen.SURPLUS, Screen.FAILED} and asked and came and came.units and asked.currency == came.currency:
        money("amount" if view.screen in PAID_FOR else "fact.due", asked)
        money("fact.received", came)
        if came.units < asked.units and view.instructions is None:  # else it stands in what is to be sent
            money("fact.missing", asked - came)
        if came.units > asked.units:
            money("fact.extra", came - asked)
    if view.screen in PAID_FOR and view.paid_at is not None:
        found.append(("fact.time", time_markup(view.paid_at, view.language), None))
    quoted = view.reference or view.order_ref
    if quoted and not (view.screen is Screen.SHORT and names_reference(view.instructions)):
        found.append(("fact.reference", words.isolate(quoted), quoted))
    return found


def names_reference(instructions: Instructions | None) -> bool:
    """Whether the page already shows a reference among what is to be sent."""
    return instructions is not None and any(line.label is Detail.REFERENCE for line in instructions.lines)
