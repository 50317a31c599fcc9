"""What a shop and a buyer without a browser do over HTTP. Works against any base URL."""

import html
import re
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urljoin

import httpx2

TIMEOUT_S = 30.0


def plain_client(base: str = "") -> httpx2.Client:
    """Plain HTTP on this machine needs no certificates, and reading them takes longer than the calls."""
    return httpx2.Client(base_url=base, timeout=TIMEOUT_S, trust_env=False, verify=False)


@dataclass(slots=True)
class Shop:
    """A merchant's shop: its key, and where its gateway is."""

    base: str
    api_key: str
    merchant_id: int = 0
    domain: str = "shop.example.com"
    client: httpx2.Client = field(default_factory=plain_client)

    def open(self, amount: str = "49.99", **fields: Any) -> dict[str, Any]:
        """POST session.php: the answer, which must be a session. A field given as None is left out."""
        body = {"amount": amount, "currency": "EUR", "domain": self.domain, "email": "buyer@example.com", **fields}
        body = {name: value for name, value in body.items() if value is not None}
        answer = self.client.post(f"{self.base}/gateway/session.php", json=body, headers=self._key())
        assert answer.status_code == 200, f"session.php answered {answer.status_code}: {answer.text}"
        session: dict[str, Any] = answer.json()
        return session

    def ask(self, session_id: int) -> dict[str, Any]:
        """GET session_status.php: the session's fields."""
        answer = self.client.get(f"{self.base}/gateway/session_status.php", params={"session_id": session_id}, headers=self._key())
        assert answer.status_code == 200, f"session_status.php answered {answer.status_code}: {answer.text}"
        found: dict[str, Any] = answer.json()
        assert found["status"] == found["session"]["status"]
        session: dict[str, Any] = found["session"]
        return session

    def status(self, session_id: int) -> str:
        return str(self.ask(session_id)["status"])

    def _key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.api_key}"}


class Buyer:
    """A browser without windows: keeps cookies, follows nothing by itself."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.client = plain_client()
        self._tokens: dict[int, str] = {}  # a tab that was opened earlier still has its form

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def page(self, session_id: int) -> str:
        """The address of the payment's page."""
        return f"{self.base}/hosted-checkout.php?session={session_id}"

    def look(self, session_id: int) -> str:
        """The payment's page; the text of its HTML."""
        return self.client.get(self.page(session_id)).text

    def screen(self, session_id: int) -> str:
        """Which screen the page shows."""
        found = re.search(r'data-screen="([a-z_]+)"', self.look(session_id))
        assert found, "the page names no screen"
        return found.group(1)

    def post(self, session_id: int, **form: str) -> httpx2.Response:
        """Post the page's form with its token, or with the one of an earlier look where the page has no form any more."""
        token = re.search(r'name="csrf" value="([^"]+)"', self.look(session_id))
        if token:
            self._tokens[session_id] = html.unescape(token.group(1))
        data = {"csrf": self._tokens.get(session_id, ""), **form}
        return self.client.post(self.page(session_id), data=data)

    def choose(self, session_id: int, method: str) -> str | None:
        """Choose a method; the address of the company's page, None if there is none to go to."""
        answer = self.post(session_id, method=method)
        assert answer.status_code in (303, 422), f"the choice was answered {answer.status_code}"
        if answer.status_code == 422 or "go=1" not in answer.headers["location"]:
            return None
        page = self.client.get(urljoin(self.base, answer.headers["location"])).text
        found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page)
        assert found, "the page does not hand over"
        return html.unescape(found.group(1))

    def routed(self, session_id: int) -> str:
        """Smart Routing's own address: where it leads to."""
        answer = self.client.get(f"{self.base}/checkout-continue.php", params={"session": session_id})
        assert answer.status_code == 302, f"checkout-continue.php answered {answer.status_code}"
        return urljoin(self.base, answer.headers["location"])

    def do(self, company_page: str, act: str, **fields: str) -> str:
        """Press a button on the company's page; where it sends the buyer then."""
        answer = self.client.post(company_page, data={"do": act, **fields})
        assert answer.status_code == 303, f"{act} was answered {answer.status_code}"
        return answer.headers["location"]

    def operation_key(self, company_page: str) -> str:
        """The operation as the company's page names it."""
        found = re.search(r"<dt>Operation</dt><dd[^>]*>([^<]+)</dd>", self.client.get(company_page).text)
        assert found, "the page names no operation"
        return html.unescape(found.group(1))
