"""What a buyer sees while the gateway cannot answer, and that the same address is asked again."""

import re

import pytest

from paymux.errors import Busy
from tests.node import LiveNode

AGAIN = re.compile(r'<a class="button" href="([^"]+)"|http-equiv="refresh" content="5;url=([^"]+)"|data-self="([^"]+)"')


async def busy(*_: object) -> None:
    raise Busy("too many wait")


def again_at(page: str) -> set[str]:
    """Wherever the page leads, by hand, by itself and by its script."""
    return {"".join(found).replace("&amp;", "&") for found in AGAIN.findall(page)}


@pytest.mark.parametrize("verb", ["GET", "POST"])
async def test_a_busy_gateway_is_asked_again_about_the_same_session(live: LiveNode, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    session_id = (await (await live.merchant()).create())["session_id"]
    address = f"/hosted-checkout.php?session={session_id}&lang=de"
    with monkeypatch.context() as patched:
        patched.setattr(live.core.reads, "with_attempts", busy)
        answer = await live.http.request(verb, address)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert again_at(answer.text) == {address}
    assert (await live.http.get(address)).status_code == 200


@pytest.mark.parametrize("query", ["payment=7.abc&lang=de", "from=BTC&to=ETH"])
async def test_who_pays_at_the_front_page_is_told_by_a_page(live: LiveNode, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(live.core.reader, "submit", busy)
        answer = await live.http.get(f"/?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert again_at(answer.text) == {f"/?{query}"}
