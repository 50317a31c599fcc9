"""The exchange's form, `/?from=ETH&to=WMZ&amount=2`, and partners' links, `/ref/<code>/?cur_from=…&cur_to=…`, which lead to it.

A link's code stays in a cookie for a month and goes with the order. A direction that is not there shows those that are. Everything works
without a script; an order's page is the next one, and nothing is paid before it.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup

from paymux import ids
from paymux.checkout import render, words
from paymux.checkout.amounts import coded_markup
from paymux.checkout.links import own_url
from paymux.checkout.order_view import rate_markup
from paymux.clock import MINUTE
from paymux.exchange.calculate import plain_units
from paymux.exchange.catalogue import Shelf
from paymux.exchange.form import Create, Made, Why, Wrong
from paymux.exchange.model import Currency, Direction, Field
from paymux.exchange.offer import Catalogue
from paymux.exchange.partners import Click, Partners
from paymux.http.limits import Window
from paymux.http.serve import Request, Response, Route, Table
from paymux.keyring import Keyring
from paymux.money import Money
from paymux.storage.writer import Batcher

COOKIE, COOKIE_LASTS_S = "paymux_partner", 30 * 86_400
CODE_CHARS_MAX, TEXT_CHARS_MAX, SHOWN_MAX = 100, 300, 60
CLICKS_PER_MINUTE = 10  # of one address; more are led on and not noted
KEPT = frozenset({"from", "to", "city", "amount", "lang"})
LISTS = (("fromValues", "from_fields"), ("toValues", "to_fields"), ("routeValues", "route_fields"))


class FormView(msgspec.Struct, frozen=True, kw_only=True):
    """What the frame of a page needs to know."""

    screen: str = "exchange"
    language: str
    nonce: str
    sandbox: bool
    version: str = ""
    shop: str | None = None
    order_ref: str | None = None
    reference: str | None = None
    amount: Money | None = None


class ExchangeForm:
    """The form and the links that lead to it."""

    def __init__(
        self, shelf: Shelf, partners: Partners, create: Create, reader: Batcher, writer: Batcher, keyring: Keyring, sandbox: bool
    ) -> None:
        self._shelf, self._partners, self._create, self._reader, self._writer = shelf, partners, create, reader, writer
        self._keyring, self._sandbox = keyring, sandbox
        self._clicks = Window(MINUTE)

    @staticmethod
    def owns(request: Request) -> bool:
        """Whether a request for `/` is for this page."""
        return "from" in request.query and "to" in request.query

    def table(self) -> Table:
        """Partners' links."""
        paths = ("/ref/{code}", "/ref/{code}/")
        return Table("partners", [Route(verb, path, self.follow) for path in paths for verb in ("GET", "HEAD")], self.failure, ("/ref/",))

    def failure(self, request: Request, status: int, headers: Mapping[str, str]) -> Response:
        """A link that leads nowhere."""
        return Response(status, b"", {"Cache-Control": "no-store", **headers})

    async def follow(self, request: Request) -> Response:
        """Note the visit, keep the code, and lead on to the form."""
        code, asked = request.params["code"][:CODE_CHARS_MAX], request.query
        catalogue = await self._reader.submit(self._shelf.read, None)
        known = False
        if (
            request.method == "GET"
            and code.isascii()
            and code.isprintable()
            and not self._clicks.hit(request.client, CLICKS_PER_MINUTE, catalogue.now)
        ):
            known = await self._writer.submit(self._partners.click, self._click(request, code))
        names = (("cur_from", "from"), ("cur_to", "to"), ("city", "city"))
        target = {ours: asked.get(theirs, "")[:CODE_CHARS_MAX] for theirs, ours in names if ours != "city" or asked.get(theirs)}
        headers = {"Location": f"/?{urlencode(target)}", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        if known:
            secure = "; Secure" if request.base_url.startswith("https:") else ""
            headers["Set-Cookie"] = f"{COOKIE}={code}; Path=/; Max-Age={COOKIE_LASTS_S}; HttpOnly; SameSite=Lax{secure}"
        return Response(302, b"", headers)

    def _click(self, request: Request, code: str) -> Click:
        browser = request.header("user-agent")[:TEXT_CHARS_MAX]
        query = request.query_string.decode("ascii", "replace")[:TEXT_CHARS_MAX]
        visitor = self._keyring.mac("visitor", f"{request.client}|{browser}")[:16]
        referrer = request.header("referer").partition("?")[0][:TEXT_CHARS_MAX]  # its query may be somebody's own
        return Click(code=code, browser=browser, network=network(request.client), referrer=referrer, query=query, visitor=visitor)

    async def show(self, request: Request) -> Response:
        """The form, or the directions that there are."""
        catalogue = await self._reader.submit(self._shelf.read, None)
        direction = found(catalogue, request.query)
        if direction is None:
            return self._list(request, catalogue)
        return self._form(request, catalogue, direction, {"amount": request.query.get("amount", "")}, None)

    async def act(self, request: Request) -> Response:
        """Create the order and go to its page, or say what is wrong."""
        catalogue, form = await self._reader.submit(self._shelf.read, None), request.form
        direction = found(catalogue, request.query)
        if direction is None:
            return self._list(request, catalogue)
        params: dict[str, Any] = {
            "routeId": direction.id,
            "amount": form.get("amount", "").strip().replace(",", "."),
            "agreement": form.get("agreement", ""),
            "lang": _language(request),
            "partner": request.cookie(COOKIE)[:CODE_CHARS_MAX],
        }
        for name, fields in LISTS:
            typed = [(one.id, form.get(f"{name}.{one.id}", "")) for one in getattr(direction, fields)]
            params[name] = [{"key": key, "value": value} for key, value in typed]
        made = await self._create(params, request.client, _language(request))
        if isinstance(made, Made):
            where = f"/{_language(request)}/order/{made.uid}/{made.secret}"
            return Response(303, b"", {"Location": where, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
        return self._form(request, catalogue, direction, form, made)

    def _list(self, request: Request, catalogue: Catalogue) -> Response:
        codes = [(one.from_code, one.to_code) for one in catalogue.open() if one.web]
        shown = [
            (catalogue.currencies[give].name, catalogue.currencies[get].name, _address(request, {"from": give, "to": get}))
            for give, get in codes[:SHOWN_MAX]
        ]
        asked = bool(request.query["from"] or request.query["to"])
        return self._page(request, 404 if asked else 200, {"heading": "exchange.choose", "asked": asked, "directions": shown})

    def _form(
        self, request: Request, catalogue: Catalogue, direction: Direction, typed: Mapping[str, str], wrong: Wrong | None
    ) -> Response:
        give, get = catalogue.pair(direction)
        language = _language(request)
        context = {
            "heading": "exchange.title",
            "asked": False,
            "directions": [],
            "give": give,
            "get": get,
            "facts": _offer(language, catalogue, direction, give, get),
            "floats": direction.floating is not None,
            "typed": typed,
            "wrong": wrong,
            "limit": coded_markup(wrong.limit, (get if wrong.why is Why.RESERVE else give).symbol, language)
            if wrong and wrong.limit
            else "",
            "fields": [_input(name, one, typed, wrong) for name, fields in LISTS for one in getattr(direction, fields)],
        }
        return self._page(request, 422 if wrong else 200, context)

    def _page(self, request: Request, status: int, context: Mapping[str, Any]) -> Response:
        language = _language(request)
        view = FormView(language=language, nonce=ids.token(24), sandbox=self._sandbox)

        named = {"give": context["give"].name, "get": context["get"].name} if "give" in context else {}

        def t(key: str, **values: object) -> Markup:
            return words.text(language, key, **values)

        frame: dict[str, object] = {
            "v": view, "t": t, "plain": lambda key, **values: words.plain(language, key, **named, **values),
            "domain": "", "long_amount": False, "accent": None, "logo": None, "facts": [],
            "action": own_url(_address(request, {})) or "", "live_url": None, "poll_url": None, "refresh_s": 0, "auto_return_s": 0,
            "hand_over": False, "left_ms": None, "languages": [(code, _address(request, {"lang": code})) for code in words.NAMES],
        }  # fmt: skip
        return Response(status, render.page("exchange.html", {**frame, **context}), render.headers_for(view.nonce, language))


def found(catalogue: Catalogue, query: Mapping[str, str]) -> Direction | None:
    """The open direction of a link: cash is named without its city, which stands apart."""
    give, get, city = (query.get(name, "")[:CODE_CHARS_MAX] for name in ("from", "to", "city"))
    there = f"_C_{city}"
    for pair in ((give, get), (give + there, get), (give, get + there), (give + there, get + there)):
        direction = catalogue.by_codes.get(pair)
        if direction is not None:
            return catalogue.usable(direction)
    return None


def network(address: str) -> str:
    """An address without its end: the /24 or /48 that it lies in.

    >>> network("203.0.113.77"), network("2001:db8:1:2::3"), network("?")
    ('203.0.113.0', '2001:db8:1::', '')
    """
    try:
        bits = 24 if ipaddress.ip_address(address).version == 4 else 48
        return str(ipaddress.ip_network(f"{address}/{bits}", strict=False).network_address)
    except ValueError:
        return ""


def _offer(language: str, catalogue: Catalogue, direction: Direction, give: Currency, get: Currency) -> Sequence[tuple[Markup, Markup]]:
    rows = [("order.rate", rate_markup(direction.rate_in, give, direction.rate_out, get, language))]
    limits = [("exchange.min", direction.min, give), ("exchange.max", direction.max, give), ("exchange.fee", direction.fee, get)]
    limits.append(("exchange.reserve", plain_units(catalogue.offered(direction), get), get))
    rows += [(key, coded_markup(limit, of.symbol, language)) for key, limit, of in limits if limit != "0" or key == "exchange.reserve"]
    return [(words.text(language, key), value) for key, value in rows]


def _input(name: str, field: Field, typed: Mapping[str, str], wrong: Wrong | None) -> dict[str, object]:
    full = f"{name}.{field.id}"
    return {
        "name": full,
        "label": field.name,
        "placeholder": field.placeholder,
        "required": field.required,
        "options": field.options,
        "value": typed.get(full, "")[:TEXT_CHARS_MAX],
        "why": wrong.why if wrong and wrong.field == full else None,
        "hint": field.regexp_error,
    }


def _address(request: Request, changes: Mapping[str, str]) -> str:
    """This page's own address with other parameters."""
    kept = {name: value[:CODE_CHARS_MAX] for name, value in request.query.items() if name in KEPT}
    return f"/?{urlencode({**kept, **changes})}"


def _language(request: Request) -> str:
    return words.choose_language(request.query.get("lang"), request.header("accept-language"))
