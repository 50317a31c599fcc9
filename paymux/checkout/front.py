"""Who answers at `/`: the first page whose link it is."""

from collections.abc import Sequence
from typing import Protocol

from paymux.http.serve import Failure, Handler, Request, Response


class FrontPage(Protocol):
    """A page that lies at `/` where the link says so."""

    def owns(self, request: Request) -> bool:
        """Whether a request is for this page."""
        ...

    async def show(self, request: Request) -> Response:
        """A GET."""
        ...

    async def act(self, request: Request) -> Response:
        """A POST."""
        ...


def front(pages: Sequence[FrontPage], failure: Failure) -> Handler:
    """The handler of `/`; a link of nobody's is a 404."""

    async def handle(request: Request) -> Response:
        page = next((one for one in pages if one.owns(request)), None)
        if page is None:
            return failure(request, 404, {})
        return await (page.show(request) if request.method == "GET" else page.act(request))

    return handle
