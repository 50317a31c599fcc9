"""The shapes of requests and answers, for the OpenAPI document. The answers themselves are built in wire.py."""

from typing import Any, Literal

import msgspec


class Pair(msgspec.Struct):
    """A value for a field: its key is the field's `_id`."""

    key: str
    value: str


class CreateRequest(msgspec.Struct, rename="camel"):
    """As JSON, or as a form with bracketed keys (`toValues[0][key]`). A negative amount is what the client wants to receive."""

    route_id: str
    amount: int | str
    agreement: bool
    from_values: list[Pair] = []
    to_values: list[Pair] = []
    route_values: list[Pair] = []
    lang: str = "en"
    partner: str = ""
    hide_out_data: bool = False
    client_callback_url: str = ""
    ipn_url: str = ""
    ipn_secret: str = ""
    email: str = ""
    skip_preview: bool = False
    type_client: str = ""


class OrderRequest(msgspec.Struct):
    """`type`: order, or payment, which never shows recipient values."""

    orderUID: int
    orderSecret: str
    type: Literal["order", "payment"] = "order"


class StatusRequest(msgspec.Struct):
    orderUID: int
    orderSecret: str
    status: Literal["waitPayment", "inProgress", "deleted"]


class OperatorRequest(msgspec.Struct):
    """`orderId` is the ObjectID or the uid. Signed by an operator's key."""

    orderId: str
    status: str


class HistoryRequest(msgspec.Struct):
    page: int = 1
    limit: int = 10
    statuses: list[str] = []


class RouteRequest(msgspec.Struct):
    id: str
    lang: str = "en"


class CodesRequest(msgspec.Struct, rename="camel"):
    xml_in: str
    xml_out: str
    lang: str = "en"


class FriendlyRequest(msgspec.Struct):
    friendlyURL: str
    lang: str = "en"


class RoutesRequest(msgspec.Struct, rename="camel"):
    """Only directions from, or to, a currency."""

    from_currency_id: str = ""
    to_currency_id: str = ""


class RoutesV2Request(msgspec.Struct, rename="camel"):
    """Only directions from, or to, some currencies."""

    from_currency_ids: list[str] = []
    to_currency_ids: list[str] = []


class LatestRequest(msgspec.Struct):
    limit: int = 3


class KeyRequest(msgspec.Struct, rename="camel"):
    api_key: str


class OrderNumber(msgspec.Struct):
    """The order's number, or its ObjectID."""

    uid: str


class Nothing(msgspec.Struct):
    """A method without parameters."""


class Success(msgspec.Struct):
    success: Literal[True]
    data: dict[str, Any]
    latency_ms: int
    requestId: str
    cache: int | None = None


class Fault(msgspec.Struct):
    message: str
    errorCode: int
    object: dict[str, Any]
    apiError: Literal[True] = True
    errorType: Literal["api"] = "api"
    level: int = 0


class Failure(msgspec.Struct):
    """HTTP 200 too, where the transport itself did not fail."""

    success: Literal[False]
    error: Fault
    latency_ms: int
    requestId: str
