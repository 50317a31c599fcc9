"""Standard Webhooks headers, read by the library that receivers use."""

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from paymux.clock import Clock
from paymux.merchants.create import endpoint_about
from paymux.webhooks.model import kept, secret_about
from paymux.webhooks.sign import standard_headers

BODY = '{"note":"ä/€"}'


def test_each_secret_that_signs_verifies_the_message() -> None:
    headers = standard_headers("d-1", BODY, ["current", "previous"], Clock.wall())
    for secret in (b"current", b"previous"):
        assert Webhook(secret).verify(BODY, headers) == {"note": "ä/€"}
    with pytest.raises(WebhookVerificationError):
        Webhook(b"another").verify(BODY, headers)


def test_the_signature_is_the_one_of_the_specification() -> None:
    headers = standard_headers("msg_1", "{}", ["s"], 1_700_000_000_999)
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": "1700000000",
        "webhook-signature": "v1,lE/CBvTwEq9v8tqaihp9yZZ/NkyzvBR4RoxyP/wNdJc=",
    }


def test_both_chapters_bind_an_endpoints_secret_to_the_same_thing() -> None:
    assert secret_about(12) == endpoint_about(12)


@pytest.mark.parametrize(
    ("answer", "text"),
    [(b"ok", "ok"), (b"a\0b", "ab"), (b"\xff\xfe", "��"), (b"x" * 3000, "x" * 2048), ("é".encode() * 1500, "é" * 1024)],
)
def test_of_an_answer_two_kilobytes_of_text_are_kept(answer: bytes, text: str) -> None:
    assert kept(answer) == text
