"""Logos: which files are pictures, and that pages show what a command set, from this host alone."""

import re
import zlib
from pathlib import Path

import pytest

from paymux.cli.merchant_logo import _put
from paymux.merchants.logo import BYTES_MAX, Picture, fault, picture
from tests.databases import sqlite_url
from tests.etpay_shop import etpay_shop
from tests.node import serving


def png(width: int, height: int, extra: int = 0) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + kind + data + zlib.crc32(kind + data).to_bytes(4)

    head = width.to_bytes(4) + height.to_bytes(4) + bytes([8, 0, 0, 0, 0])
    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"teXt", b"x" * extra) + chunk(b"IEND", b"")


def webp(kind: bytes, rest: bytes) -> bytes:
    body = b"WEBP" + kind + (100).to_bytes(4, "little") + rest.ljust(100, b"\0")
    return b"RIFF" + len(body).to_bytes(4, "little") + body


JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc2\x00\x11\x08\x00\x50\x00\xa0" + b"\0" * 20


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (png(160, 80), Picture("png", 160, 80)),
        (JPEG, Picture("jpg", 160, 80)),
        (webp(b"VP8X", b"\0\0\0\0\x9f\0\0\x4f\0\0"), Picture("webp", 160, 80)),
        (webp(b"VP8L", b"\x2f" + (159 | 79 << 14).to_bytes(4, "little")), Picture("webp", 160, 80)),
        (webp(b"VP8 ", b"\0\0\0\x9d\x01\x2a\xa0\0\x50\0"), Picture("webp", 160, 80)),
        (png(160, 80)[:-8], None),
        (webp(b"VP8X", b"")[:60], None),
        (webp(b"ANIM", b""), None),
        (JPEG[:12], None),
        (b"\xff\xd8\xff\xda\x00\x04ab", None),
        (b"\xff\xd8\xff\xe0\x00\x00" + b"\xff" * 50, None),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", None),
        (b"GIF89a" + b"\0" * 50, None),
        (b"", None),
    ],
)
def test_kind_and_size_are_read_from_the_bytes(data: bytes, found: Picture | None) -> None:
    assert picture(data) == found


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (png(31, 100), "31 by 100"), (png(2001, 1000), "2001"), (png(64, 513), "8 times"), (b"text", "no PNG"),
        (png(64, 64, extra=BYTES_MAX), "100 KiB"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_logo_is_refused_with_the_reason(data: bytes, why: str) -> None:
    assert why in (fault(data) or "")
    assert fault(png(64, 512)) is None


async def test_pages_show_it_from_this_host_at_once(tmp_path: Path) -> None:
    async with serving(sqlite_url(tmp_path / "paymux.db")) as live:
        shop, other = await etpay_shop(live), await live.merchant()
        session = await shop.create()
        checkout = f"/hosted-checkout.php?session={(await other.create())['session_id']}"
        assert "/checkout/logo/" not in (await session.get()).text
        for merchant_id, page in ((shop.id, session.path), (other.id, checkout)):
            name = await _put(merchant_id, png(96, 48), live.core)
            [path] = re.findall(r'<img src="([^"]+)" alt="">', (await live.http.get(page)).text)
            assert path == f"/checkout/logo/{name}"
            found = await live.http.get(path)
            assert (found.status_code, found.headers["content-type"], found.content) == (200, "image/png", png(96, 48))
            assert found.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in found.headers["content-security-policy"]
        for wrong in ("/checkout/logo/x.svg", "/checkout/logo/%00.png", "/checkout/logo/" + "a" * 60 + ".png", "/checkout/logo/..%2f.png"):
            assert (await live.http.get(wrong)).status_code == 404
        assert await _put(shop.id, None, live.core) is None
        assert "/checkout/logo/" not in (await live.http.get(session.path)).text
