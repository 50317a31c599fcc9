"""Merchants' logos as their pages show them: an address on this host, and the picture behind it."""

from paymux.http.serve import Request, Response, Route
from paymux.merchants.logo import TYPES, logos_named
from paymux.storage.writer import Batcher

PATH = "/checkout/logo/"
NAME_CHARS_MAX = 40


def logo_path(name: str | None) -> str | None:
    """Where a logo is served; None for none."""
    return PATH + name if name else None


class Logos:
    """The door of the pictures. A picture is never a page: it may neither run nor ask for anything."""

    def __init__(self, reader: Batcher) -> None:
        self._reader = reader

    def route(self) -> Route:
        return Route("GET", PATH + "{name}", self.show)

    async def show(self, request: Request) -> Response:
        name = request.params["name"]
        kind = TYPES.get(name.partition(".")[2])
        known = kind is not None and len(name) <= NAME_CHARS_MAX and name.replace(".", "").isalnum() and name.isascii()
        image: bytes | None = await self._reader.submit(logos_named, name) if known else None
        if image is None or kind is None:
            return Response(404, b"", {"Cache-Control": "no-store"})
        kept = {"Cache-Control": "public, max-age=31536000, immutable", "Cross-Origin-Resource-Policy": "same-origin"}
        safe = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
        return Response(200, image, {"Content-Type": kind, **kept, **safe})
