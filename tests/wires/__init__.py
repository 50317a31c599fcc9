"""One record per API for the suites that every API must pass: kill -9, many at once, any story, fuzz by its own document.

A suite is written once and runs for each record of `WIRES`. To join, an API adds one file here and its record to the table. Everything is
a blocking call over real HTTP, so that threads can act at once and a server may die under them.

    given = await wire.join(core, receiver.hook)
    shop = wire.shop(base_url, given)
    opened = shop.open(1)
    shop.pay(opened.ref, 1)
    assert shop.ask(opened.ref).word == wire.paid
"""

from tests.wires.echelon import ECHELON
from tests.wires.ecomtrade24 import ECOMTRADE24
from tests.wires.etpay import ETPAY
from tests.wires.wire import Wire

WIRES: tuple[Wire, ...] = (ECOMTRADE24, ETPAY, ECHELON)


def each(wire: Wire) -> str:
    """The name of a test's parameter."""
    return wire.name
