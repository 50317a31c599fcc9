"""A merchant's logo: a small picture of a known kind, kept in the database and served by us, so that no page asks another host.

Kinds and sizes are read from the bytes themselves; what a file calls itself counts for nothing.

>>> picture(b"<svg onload=alert(1)>") is None
True
"""

import base64
import hashlib
from collections.abc import Sequence

import msgspec
import structlog

from paymux.storage.query import Tx, load

_q = load("paymux.merchants")
log = structlog.get_logger()

BYTES_MAX = 100 * 1024
SIDE_MIN, SIDE_MAX = 32, 2000  # pixels
LONGER_MAX = 8  # times the shorter side
TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}  # by ending
_PNG = b"\x89PNG\r\n\x1a\n"


class Picture(msgspec.Struct, frozen=True):
    """What a file is: `kind` is one of TYPES' endings."""

    kind: str
    width: int
    height: int


class PutLogo(msgspec.Struct, frozen=True):
    """A merchant's new logo, judged already; None: none."""

    merchant_id: int
    data: bytes | None


def fault(data: bytes) -> str | None:
    """Why a file cannot be a logo; None if it can."""
    if len(data) > BYTES_MAX:
        return f"it has more than {BYTES_MAX // 1024} KiB"
    found = picture(data)
    if found is None:
        return "it is no PNG, JPEG or WebP picture"
    small, large = sorted((found.width, found.height))
    if not SIDE_MIN <= small <= large <= SIDE_MAX:
        return f"it has {found.width} by {found.height} pixels; each side may have {SIDE_MIN} to {SIDE_MAX}"
    if large > LONGER_MAX * small:
        return f"it has {found.width} by {found.height} pixels; one side may be at most {LONGER_MAX} times the other"
    return None


def picture(data: bytes) -> Picture | None:
    """Kind and size of a picture; None if it is none that we know, or is cut off."""
    if data.startswith(_PNG) and data[12:16] == b"IHDR" and data.rstrip(b"\0").endswith(b"IEND\xaeB`\x82"):
        return Picture("png", int.from_bytes(data[16:20]), int.from_bytes(data[20:24]))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and len(data) >= 30 and int.from_bytes(data[4:8], "little") + 8 <= len(data):
        return _webp(data)
    return _jpeg(data) if data.startswith(b"\xff\xd8\xff") else None


def _webp(data: bytes) -> Picture | None:
    match data[12:16]:
        case b"VP8X":
            return Picture("webp", int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return Picture("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8 ":
            return Picture("webp", int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF)
    return None


def _jpeg(data: bytes) -> Picture | None:
    """The first frame header among the segments."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return Picture("jpg", int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7]))
        if marker in (0xD9, 0xDA) or length < 2:
            return None
        at += 2 + length
    return None


async def put_logos(tx: Tx, wishes: Sequence[PutLogo], now: int) -> list[str | None]:
    """Set or remove logos; the new one's name. Pages show it from the next request on."""
    results: list[str | None] = []
    for wish in wishes:
        found = picture(wish.data) if wish.data is not None else None
        if wish.data is None or found is None:
            await tx.fetch(_q.drop_logo, merchant_id=wish.merchant_id)
            results.append(None)
        else:
            name = f"{hashlib.sha256(wish.data).hexdigest()[:32]}.{found.kind}"
            image = base64.b64encode(wish.data).decode()
            await tx.fetch(_q.put_logo, merchant_id=wish.merchant_id, name=name, image=image, updated_at=now)
            results.append(name)
        await tx.fetch(_q.touch_merchant, id=wish.merchant_id, updated_at=now)
        log.info("merchant.logo_set", merchant=wish.merchant_id, logo=results[-1])
    return results


async def logos_named(tx: Tx, names: Sequence[str], now: int) -> list[bytes | None]:
    """Pictures by their names."""
    rows = await tx.fetch(_q.logos_named, [(name,) for name in sorted(set(names))])
    found = {row["name"]: base64.b64decode(row["image"]) for row in rows}
    return [found.get(name) for name in names]
