"""OpenAPI 3.1 documents, made from the same rows that serve the requests."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from paymux.http.serve import JSON, Handler, Request, Response, Route, Table

_NAMES = re.compile(r"\{([a-z_]+)\}")

REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "Done",
    400: "Malformed request", 401: "Not authenticated", 403: "Not permitted", 404: "Not found",
    405: "Method not allowed", 406: "Not acceptable", 408: "The body did not come in time", 409: "Conflict",
    410: "Gone", 413: "Body too large", 422: "Cannot be served", 429: "Too fast",
    500: "Unexpected fault", 503: "Put off: repeat after Retry-After",
}  # fmt: skip


def document(table: Table, title: str, version: str, security: dict[str, Any]) -> dict[str, Any]:
    """The document of one table. `security`: OpenAPI security schemes, any of which is enough."""
    routes = [route for route in table.routes if not route.hidden]
    types = [kind for route in routes for answer in (route.request, *route.answers.values()) for kind in _kinds(answer)]
    unique = list(dict.fromkeys(types))
    schemas, components = msgspec.json.schema_components(unique, ref_template="#/components/schemas/{name}")
    by_type = dict(zip(unique, schemas, strict=True))
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": security},
        "security": [{name: []} for name in security],
    }


def served(value: dict[str, Any]) -> Handler:
    """A handler that answers with a document, encoded once."""
    body = msgspec.json.encode(value)

    async def answer(request: Request) -> Response:
        return Response(200, body, JSON)

    return answer


def _kinds(answer: Any) -> tuple[Any, ...]:
    """The types of an answer: one, several (a tuple), or none."""
    return () if answer is None else answer if isinstance(answer, tuple) else (answer,)


def _schema(answer: Any, by_type: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    schemas = [by_type[kind] for kind in _kinds(answer)]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _operation(route: Route, by_type: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": route.about, "operationId": _id(route), "responses": _responses(route, by_type)}
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in _NAMES.findall(route.path)
    ]
    for one in route.parameters:
        schema = {"type": "string", "minLength": 1, **one.schema}
        required = one.where != "query"
        parameters.append({"name": one.name, "in": one.where, "required": required, "description": one.about, "schema": schema})
    if parameters:
        operation["parameters"] = parameters
    if route.request is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _schema(route.request, by_type)}}}
    return operation


def _responses(route: Route, by_type: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    return {
        str(status): {"description": REASONS[status]}
        | ({} if kind is None else {"content": {"application/json": {"schema": _schema(kind, by_type)}}})
        for status, kind in route.answers.items()
    }


def _id(route: Route) -> str:
    named = re.sub(r"\.php|[{}!]", "", route.path).replace("-", "_")
    parts: Sequence[str] = [part for part in named.split("/") if part]
    return "_".join([route.method.lower(), *parts])
