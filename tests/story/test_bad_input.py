"""What no honest shop sends: broken bodies, absurd sizes, slow and torn requests, hostile texts. Each gets a clear 4xx in this wire's form,
nothing of it is stored, nothing leaks, and the server goes on.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paymux.dialects.ecomtrade24.errors import HTTP, Code
from tests.node import ORDER, LiveNode, Shop, assert_refused, request_bytes, serving, status_of

INNARDS = ("Traceback", "paymux.", ".py", "sqlite", "asyncpg", "msgspec", "Decimal", "SELECT", "INSERT", "Exception", "alder", "birch")
GOOD = json.dumps(ORDER).encode()
DEEP = 50_000


def with_field(name: str, literal: bytes) -> bytes:
    """The usual order with one field written out."""
    rest = json.dumps({other: value for other, value in ORDER.items() if other != name}).encode()
    return rest[:-1] + b', "' + name.encode() + b'": ' + literal + b"}"


BROKEN = {
    "nothing": b"",
    "blanks": b" \r\n\t ",
    "a form": b"amount=5&currency=EUR",
    "an array": b"[]",
    "an array of orders": b"[" + GOOD + b"]",
    "a text": b'"amount"',
    "a number": b"5",
    "null": b"null",
    "true": b"true",
    "cut off": GOOD[:-1],
    "one brace": b"{",
    "more than one": GOOD + GOOD,
    "a tail": GOOD + b"x",
    "a comma too many": GOOD[:-1] + b",}",
    "single quotes": b"{'amount': '5'}",
    "no quotes": b"{amount: 5}",
    "a comment": b"{/* */}",
    "NaN": with_field("amount", b"NaN"),
    "Infinity": with_field("amount", b"Infinity"),
    "-Infinity in meta": with_field("meta", b'{"a": -Infinity}'),
    "a leading plus": with_field("amount", b"+5"),
    "a leading dot": with_field("amount", b".5"),
    "a leading zero": with_field("amount", b"05"),
    "hex": with_field("amount", b"0x10"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": json.dumps(ORDER).encode("utf-16"),
    "Latin-1": with_field("order_id", b'"\xe4"'),
    "cut UTF-8": with_field("order_id", b'"\xe2\x82"'),
    "overlong UTF-8": with_field("order_id", b'"\xc0\xaf"'),
    "a surrogate in UTF-8": with_field("order_id", b'"\xed\xa0\x80"'),
    "beyond Unicode": with_field("order_id", b'"\xf4\x90\x80\x80"'),
    "a raw control character": with_field("order_id", b'"a\nb"'),
    "a raw NUL": with_field("order_id", b'"a\0b"'),
    "a bad escape": with_field("order_id", b'"\\x41"'),
    "a bad escape of Unicode": with_field("order_id", b'"\\u12G4"'),
    "NULs": b"\0" * 1000,
    "zip": b"PK\x03\x04" + b"\0" * 100,
    "deep arrays": b"[" * 30_000 + b"]" * 30_000,
    "deep objects in meta": with_field("meta", b'{"a":' * 9_000 + b"1" + b"}" * 9_000),
    "an open depth": b'{"meta":' + b"[" * DEEP,
}


async def refused(live: LiveNode, shop: Shop, body: bytes, code: Code | None = None, **headers: str) -> Code:
    """A 4xx in the wire's form, without a word of our innards; nothing is stored."""
    before = await live.payments_together()
    answer = await shop.send(body, **headers)
    found = Code(answer.json()["error"])
    assert_refused(answer, HTTP[found], found)
    assert 400 <= answer.status_code < 500
    assert code in (None, found), (body[:200], found)
    assert not [word for word in INNARDS if word in answer.text + str(answer.headers)]
    assert await live.payments_together() == before
    return found


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_what_is_no_json_object_in_utf8_is_invalid_json(live: LiveNode, body: bytes) -> None:
    await refused(live, await live.merchant(), body, Code.INVALID_JSON)


HOSTILE: dict[str, tuple[bytes, Code | None]] = {  # a code, or None: it is no error, and what is stored is harmless
    "a large number": (with_field("amount", b"9" * 400), Code.INVALID_AMOUNT),
    "an absurd number": (with_field("amount", b"9" * 5000), Code.INVALID_JSON),
    "an absurd exponent": (with_field("amount", b"1e400"), Code.INVALID_AMOUNT),
    "an exponent without end": (with_field("amount", b"1e" + b"9" * 50), Code.INVALID_JSON),
    "a tiny number": (with_field("amount", b"1e-400"), Code.INVALID_AMOUNT),
    "a long fraction": (with_field("amount", b"1." + b"3" * 5000), None),
    "a large order number": (with_field("order_id", b"9" * 400), Code.INVALID_ORDER_ID),
    "an absurd order number": (with_field("order_id", b"9" * 5000), Code.INVALID_JSON),
    "a negative zero": (with_field("amount", b"-0"), Code.INVALID_AMOUNT),
    "an escaped NUL in an order number": (with_field("order_id", b'"a\\u0000b"'), Code.INVALID_ORDER_ID),
    "a lone surrogate in an order number": (with_field("order_id", b'"\\ud800"'), None),
    "an escaped NUL in an address": (with_field("email", b'"a\\u0000b@shop.example"'), None),
    "an escaped NUL in a return address": (with_field("return_url", b'"https://a.example/\\u0000"'), Code.INVALID_RETURN_URL),
    "an escaped NUL in meta": (with_field("meta", b'{"a\\u0000": "\\u0000"}'), None),
    "an escaped NUL in a domain": (with_field("domain", b'"shop.example.com\\u0000"'), Code.INVALID_DOMAIN),
    "an escaped NUL in a country": (with_field("country", b'"D\\u0000"'), None),
    "SQL": (with_field("order_id", b'"\'; DROP TABLE payment; --"'), None),
    "markup": (with_field("order_id", b'"<script>alert(1)</script>"'), None),
    "a template": (with_field("order_id", b'"{{7*7}}${7*7}%s{0}"'), None),
    "right to left": (with_field("order_id", '"\u202e\u2066gnp.exe"'.encode()), None),
    "the same name twice": (GOOD[:-1] + b', "amount": "0"}', Code.INVALID_AMOUNT),
    "a thousand unknown names": (GOOD[:-1] + b"".join(b', "n%d": {"a": [1, 2]}' % n for n in range(1000)) + b"}", None),
    "names of Python": (GOOD[:-1] + b', "__class__": 1, "__proto__": {"admin": true}, "constructor": "x"}', None),
    "a meta of 8 KiB": (with_field("meta", b'{"a":"' + b"x" * (8192 - 8) + b'"}'), None),
    "a meta one byte larger": (with_field("meta", b'{"a":"' + b"x" * (8192 - 7) + b'"}'), Code.META_TOO_LARGE),
    "a meta that is large in UTF-8": (with_field("meta", b'{"a":"' + "€".encode() * 2800 + b'"}'), Code.META_TOO_LARGE),
    "a meta of depth 100": (with_field("meta", b'{"a":' * 100 + b"1" + b"}" * 100), None),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_values_are_refused_or_harmless(live: LiveNode, name: str) -> None:
    shop = await live.merchant()
    body, code = HOSTILE[name]
    if code is not None:
        await refused(live, shop, body, code)
        return
    answer = await shop.send(body)
    if answer.status_code == 400:  # a lone surrogate is no text for some readers of JSON
        assert answer.json()["error"] in ("invalid_json", "invalid_order_id")
        return
    assert answer.status_code == 200, answer.text
    session_id = answer.json()["session_id"]
    session = await shop.status(session_id)
    sent = json.loads(body)
    assert session["order_id"] == (sent["order_id"].strip() if "order_id" in sent else None)
    assert session["meta"] == sent["meta"]
    if session["order_id"]:
        assert (await shop.ask(order_id=session["order_id"])).json()["session"]["id"] == session_id
    page = await live.http.get(f"/hosted-checkout.php?session={session_id}")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert isinstance(await live.report(session_id, "paid"), object)
    assert [row["word"] for row in await live.notices(session_id)] == ["paid"]


@pytest.mark.parametrize("size", [65_537, 100_000, 1_000_000, 10_000_000])
async def test_a_body_that_is_too_large_is_refused_and_the_answer_arrives(live: LiveNode, size: int) -> None:
    shop = await live.merchant()
    await refused(live, shop, with_field("meta", b'{"a":"' + b"x" * size + b'"}'), Code.PAYLOAD_TOO_LARGE)
    assert (await shop.post()).status_code == 200


async def test_a_body_of_just_64_kib_is_read(live: LiveNode) -> None:
    shop = await live.merchant()
    assert (await shop.send(GOOD + b" " * (65_536 - len(GOOD)))).status_code == 200
    await refused(live, shop, GOOD + b" " * (65_537 - len(GOOD)), Code.PAYLOAD_TOO_LARGE)


async def test_a_chunked_body_without_end_is_cut_off(live: LiveNode) -> None:
    shop = await live.merchant()
    head = f"POST /gateway/session.php HTTP/1.1\r\nHost: x\r\nX-API-Key: {shop.key}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    answer = await live.raw(head, *[chunk] * 4, b"0\r\n\r\n")
    assert status_of(answer) == 413
    assert b'{"ok":false,"error":"payload_too_large"}' in answer
    assert b"connection: close" in answer.lower()


async def test_who_asks_first_is_not_made_to_send_too_much(live: LiveNode) -> None:
    shop = await live.merchant()
    headers = {"X-API-Key": shop.key, "Content-Length": "10000000", "Expect": "100-continue"}
    assert status_of(await live.raw(request_bytes("POST", "/gateway/session.php", headers))) == 413


async def test_a_body_that_never_comes_does_not_hold_its_place(live: LiveNode, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = await live.merchant()
    monkeypatch.setattr(live.node._dispatcher, "_body_timeout_s", 0.2)
    head = request_bytes("POST", "/gateway/session.php", {"X-API-Key": shop.key, "Content-Length": str(len(GOOD))})
    async with asyncio.timeout(10):
        answer = await live.raw(head, GOOD[:-1])
    assert status_of(answer) == 408
    assert b'{"ok":false,"error":"request_timeout"}' in answer
    assert await live.payments_of(shop) == []


async def test_a_request_that_broke_off_is_no_request(live: LiveNode) -> None:
    shop = await live.merchant()
    promised = request_bytes("POST", "/gateway/session.php", {"X-API-Key": shop.key, "Content-Length": str(len(GOOD) + 1)})
    assert await live.raw(promised, GOOD, end=True) == b""
    assert (await shop.me())["ok"] is True
    assert await live.payments_of(shop) == []


HEADS = {
    "no such protocol": b"GARBAGE\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 50,
    "HTTP/9": b"GET /gateway/me.php HTTP/9.9\r\nHost: x\r\n\r\n",
    "a header without a colon": b"GET /gateway/me.php HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n",
    "a NUL in a header": b"GET /gateway/me.php HTTP/1.1\r\nHost: x\r\nX-API-Key: a\0b\r\n\r\n",
    "two lengths": b"POST /gateway/session.php HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
    "a length and chunks": b"POST /gateway/session.php HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a negative length": b"POST /gateway/session.php HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a bad chunk": b"POST /gateway/session.php HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n",
    "bytes in the path": b"GET /gateway/\xff\xfe.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "a header without end": b"GET /gateway/me.php HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 200_000 + b"\r\n\r\n",
    "a path without end": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
async def test_what_is_no_http_is_refused_and_the_server_goes_on(live: LiveNode, head: bytes) -> None:
    try:
        answer = await live.raw(head, end=True)
    except ConnectionError:
        answer = b""
    if answer:
        assert 400 <= status_of(answer) < 500, answer[:300]
        assert not [word for word in INNARDS if word.encode() in answer]
    assert (await live.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("host", ["", "evil example", "a\tb", "x/../..", "a@b", "<script>", "x" * 300, "ä"])
async def test_a_host_that_is_none_is_built_into_no_url(live: LiveNode, host: str) -> None:
    shop = await live.merchant("free")
    raw = request_bytes("POST", "/gateway/session.php", {"X-API-Key": shop.key, "Host": host}, GOOD)
    answer = await live.raw(raw)
    if status_of(answer) == 200:
        created = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert created["checkout_url"] == f"http://localhost/hosted-checkout.php?session={created['session_id']}"
    else:
        assert status_of(answer) == 400


async def test_no_text_of_a_shop_reaches_a_header(live: LiveNode) -> None:
    shop = await live.merchant("free")
    url = "https://shop.example.com/%0d%0aSet-Cookie:%20a=b?x=ä€\u2028&y=<>\"'{}|^`"
    session_id = (await shop.create(return_url=url, cancel_url=url, order_id="%0d%0aSet-Cookie: a=b"))["session_id"]
    await live.report(session_id, "paid")
    raw = await live.raw(request_bytes("GET", f"/hosted-checkout.php?session={session_id}"))
    head = raw.partition(b"\r\n\r\n")[0]
    assert status_of(raw) == 302
    assert head.isascii()
    assert head.lower().count(b"set-cookie") == 1 + head.lower().count(b"%0aset-cookie")
    assert b"location: https://shop.example.com/%0d%0aSet-Cookie:%20a=b?x=%C3%A4%E2%82%AC%E2%80%A8&y=%3C%3E" in head


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.sampled_from([ORDER["domain"], "EUR", "49.99"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    [*ORDER, "order_id", "merchant_ref", "purchase_id", "merchant", "customer", "customer_email", "billing_country", "method",
     "bank_fiat_currency", "webhook_url", "session_id", "provider"]
)  # fmt: skip


@pytest.fixture(scope="module")
async def loose(story_database: str) -> AsyncIterator[LiveNode]:
    """Without limits: what is asked here is asked a few hundred times."""
    async with serving(story_database, rate_limits=False) as node:
        yield node


async def test_whatever_json_is_sent_there_is_an_answer_in_the_wires_form(loose: LiveNode) -> None:
    shop = await loose.merchant()

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(FIELDS, JSON_VALUES, max_size=6))
    def collect(changes: dict[str, Any]) -> None:
        bodies.append(json.dumps(ORDER | changes).encode())

    bodies: list[bytes] = []
    collect()
    for body in bodies:
        answer = await shop.send(body)
        assert answer.status_code in (200, 400, 403, 422), (body, answer.text)
        assert answer.json()["ok"] is (answer.status_code == 200)
        if answer.status_code != 200:
            assert_refused(answer, HTTP[Code(answer.json()["error"])], answer.json()["error"])
        else:
            assert (await shop.status(answer.json()["session_id"]))["status"] == "created"
    await loose.assert_books_hold()
