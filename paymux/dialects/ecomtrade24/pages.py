"""EcomTrade24's addresses of the checkout: which session they mean and where they lead. Pure.

Source: EcomTrade24's manual for hosted-checkout.php, checkout-continue.php and checkout.php; pay.php is from older copies of it.
"""

from collections.abc import Mapping

from paymux.dialects.ecomtrade24.mode import HOSTED, details
from paymux.dialects.ecomtrade24.wire import ById, by_id
from paymux.payments.dialect import Landing, PageRules
from paymux.payments.model import Payment

HOSTED_PAGE, SMART_PAGE = "/hosted-checkout.php", "/checkout-continue.php"
NEUTRAL_PAGES = ("/checkout.php", "/pay.php")


def page_path(payment: Payment) -> str:
    """Where a buyer sees how the payment stands, whatever its mode."""
    return f"{HOSTED_PAGE}?session={payment.id}"


def payment_id(path: str, query: Mapping[str, str]) -> int | None:
    """The session's number; the oldest form of pay.php calls it session_id."""
    text = query.get("session", "") or (query.get("session_id", "") if path == "/pay.php" else "")
    found = by_id(text.strip()) if text else None
    return found.id if isinstance(found, ById) else None


def landing(path: str, payment: Payment) -> Landing | str:
    """The neutral addresses lead to the page of the session's mode; a hosted session never reaches Smart Routing."""
    hosted = details(payment).mode == HOSTED
    if path in NEUTRAL_PAGES:
        return f"{HOSTED_PAGE if hosted else SMART_PAGE}?session={payment.id}"
    if path == SMART_PAGE:
        return page_path(payment) if hosted else Landing.START
    return Landing.SHOW


PAGES = PageRules((HOSTED_PAGE, SMART_PAGE, *NEUTRAL_PAGES), payment_id, landing)
