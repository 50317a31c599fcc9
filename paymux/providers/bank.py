"""What a provider of bank transfers is beyond a plain provider: banks, and a dialogue in which the payer approves on our pages.

`start` opens an operation that moves nothing. Then the payer identifies with a bank, chooses an account and answers what the bank asks;
the last answer moves the money, once for each operation key. Every step may be repeated: it answers where the dialogue stands. What
became of the money is told by `ask` and by callbacks, as everywhere.
"""

from enum import StrEnum
from typing import Protocol

import msgspec

from paymux.providers.protocol import Provider, Send, Turned, Unclear


class Bank(msgspec.Struct, frozen=True):
    """A bank that payers may choose; `test` ones exist in the sandbox alone."""

    code: str
    name: str
    country: str  # 2 letters, lower case
    test: bool = False


class Account(msgspec.Struct, frozen=True):
    """An account of the payer; `label` as the bank shows it."""

    id: str
    label: str


class Step(StrEnum):
    """What the bank waits for."""

    IDENTIFY = "identify"
    ACCOUNT = "account"
    KEY = "key"  # the payer's second factor
    CODE = "code"  # a short code that the bank has just sent
    OVER = "over"  # nothing: the order was taken or refused, ask what came of it


class Dialogue(msgspec.Struct, frozen=True, kw_only=True):
    """Where the payer stands with the bank."""

    step: Step
    bank: str | None = None
    payer: str | None = None
    accounts: tuple[Account, ...] = ()
    account: str | None = None  # the label of the chosen one
    number: int = 0  # of the question; an answer names it, so that a second click answers nothing twice
    digits: int = 0  # how many the answer has
    wrong: bool = False  # the answer before was not right


class Down(msgspec.Struct, frozen=True):
    """The bank cannot be reached or does not serve now; nothing moved, and nothing changed."""

    why: str


Talk = Dialogue | Down | Turned | Unclear  # Turned: refused for good, this operation is dead


class BankTransfers(Provider, Protocol):
    """A provider whose payers approve on our own pages."""

    banks: tuple[Bank, ...]

    async def look(self, operation_key: str, send: Send) -> Talk:
        """Where the dialogue stands."""
        ...

    async def identify(self, operation_key: str, bank: str, payer: str, password: str, send: Send) -> Talk:
        """Log the payer in; with another bank the dialogue begins anew."""
        ...

    async def choose(self, operation_key: str, account: str, send: Send) -> Talk:
        """Pay from this account."""
        ...

    async def answer(self, operation_key: str, number: int, value: str, send: Send) -> Talk:
        """Answer the bank's question; the last answer moves the money."""
        ...
