"""Shops and buyers of any API who never rest: open payments, pay them, from a few threads, and remember what they were answered.

Only what an HTTP answer promised is remembered; a call that broke off promises nothing.
"""

import threading
import time
from types import TracebackType
from typing import Self

import httpx2

from tests.wires.wire import Given, Wire


class Load:
    """`answered`: payments with their amounts; `promised`: those of them of which somebody acknowledged that they are or will be paid."""

    def __init__(self, wire: Wire, base: str, merchants: list[Given], buyers: int = 4) -> None:
        self._wire, self._base, self._merchants, self._buyers = wire, base, merchants, buyers
        self.answered: dict[str, str] = {}
        self.promised: dict[str, int] = {}  # payment -> the number that chose how it was paid
        self.faults: list[str] = []
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._begun = 0  # rounds; numbers are never used twice

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        self._stop.clear()
        self._begun += 1
        first = self._begun * 1_000_000
        self._threads = [threading.Thread(target=self._live, args=[first + number], daemon=True) for number in range(self._buyers)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No further step; returns when everybody has stopped."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a buyer hangs"

    def until_promised(self, count: int, within_s: float = 30.0) -> None:
        """Wait until so many payments are promised."""
        ends = time.monotonic() + within_s
        while len(self.promised) < count:
            assert time.monotonic() < ends, f"{len(self.promised)} payments promised within {within_s} s; {self.faults}"
            self._stop.wait(0.005)

    def pay(self, number: int, given: Given) -> str:
        """One payment from its opening to the promise that it is paid; what it is called."""
        shop = self._wire.shop(self._base, given)
        try:
            opened = shop.open(number)
            assert opened is not None, "the number was used before"
            self.answered[opened.ref] = opened.amount
            shop.pay(opened.ref, number)
            self.promised[opened.ref] = number
            return opened.ref
        finally:
            shop.close()

    def _live(self, number: int) -> None:
        while not self._stop.is_set():
            try:
                self.pay(number, self._merchants[number % len(self._merchants)])
            except httpx2.TransportError:  # the server is gone
                self._stop.wait(0.02)
            except AssertionError as error:
                if " 503" not in str(error):  # a server that stops or starts may say so
                    self.faults.append(str(error))
            number += self._buyers
