"""What the suites need of an API: a merchant that joins, a shop, its buyers, and how what it is told reads."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from paymux.app.core import Core
from tests.receiver import Delivery


@dataclass(frozen=True, slots=True)
class Given:
    """What a merchant was given. `kept`: what its shop keeps of payments in the meantime, such as the secret of each."""

    merchant_id: int
    credentials: Mapping[str, str]
    kept: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """A payment that a shop was answered. `ref`: as people name it on the command line, behind the API's name and a colon."""

    ref: str
    amount: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a payment stands, as the shop is answered; the amount where the answer has one."""

    word: str
    amount: str | None


class WireShop(Protocol):
    """A shop on one server, with its buyers."""

    def open(self, number: int) -> Opened | None:
        """A payment; the same number again is the very same request. None: refused as a duplicate."""

    def pay(self, ref: str, number: int) -> None:
        """One of its buyers pays (the number chooses how): returns once somebody acknowledged that it is or will be paid."""

    def ask(self, ref: str) -> Standing:
        """The shop asks; fails if what was answered is not there."""

    def told(self, delivery: Delivery) -> tuple[str, str]:
        """What a notice says: ref and word; fails if it is not genuine."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Fuzz:
    """How to ask everything that the API's document allows. `amend` gives a case what it needs to come past the credentials;
    `answered`: the paths that must succeed now and then, or the fuzzing says nothing. `methods_known`: a wrong method is a 405."""

    headers: Mapping[str, str]
    amend: Callable[[Any], None]
    answered: frozenset[str]
    methods_known: bool = True


@dataclass(frozen=True, slots=True)
class Wire:
    """`paid`: the word of a paid payment. `repeats`: what the same request again makes. `signed`: whether notices are signed as
    EcomTrade24's manual says. `goes_on`: whether other words follow success. `fuzz(core)`: fixtures loaded, and how to ask."""

    name: str
    paid: str
    repeats: Literal["same", "new", "refused"]
    signed: bool
    goes_on: bool
    join: Callable[[Core, str], Awaitable[Given]]
    shop: Callable[[str, Given], WireShop]
    fuzz: Callable[[Core], Awaitable[Fuzz]]
