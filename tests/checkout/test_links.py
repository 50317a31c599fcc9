"""Which addresses a page may carry."""

import pytest

from paymux.checkout.links import origin, own_url, safe_logo, safe_url, wallet_url
from paymux.checkout.render import render
from paymux.checkout.view import LanguageLink, Screen
from tests.checkout.tags import Tags
from tests.screenshots import BASE, but


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,x",
        "//evil.example/", "/\\evil.example", "https:evil", "vbscript:x", "https://", "http://[::1", "https://a\\@b/", "file:///etc", "",
    ],
)  # fmt: skip
def test_only_plain_web_addresses_become_links(url: str) -> None:
    assert safe_url(url) is None
    assert own_url(url) is None
    assert safe_logo(url) is None
    assert wallet_url(url) is None
    for screen in Screen:
        view = but(screen=screen, return_url=url, cancel_url=url, continue_url=url, hand_over=True, languages=(LanguageLink("de", url),))
        tags = Tags(render(view))
        assert [link for link in tags.all("a") if link["href"] != BASE.form_action] == []
        assert not [meta for meta in tags.all("meta") if "url=" in meta.get("content", "") and BASE.form_action not in meta["content"]]


def test_a_logo_comes_from_this_host_or_the_page_itself() -> None:
    assert safe_logo("/logo/1.png") == "/logo/1.png"
    assert safe_logo("data:image/png;base64,AAAA") == "data:image/png;base64,AAAA"
    assert safe_logo("https://cdn.example/logo.png") is None
    assert safe_logo("data:text/html;base64,AAAA") is None


def test_an_origin_is_plain_or_nothing() -> None:
    assert origin("https://user@pay.example/") is None
    assert origin("https://pay.example:8443/x") == "https://pay.example:8443"
    assert origin("https://pay.example *") is None
