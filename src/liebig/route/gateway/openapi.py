"""The document that describes the routes; what clients may send beyond it is passed on."""

from __future__ import annotations

from typing import Any

from liebig import __version__
from liebig.route.ledger.columns import LIMITS, Column
from liebig.route.ledger.keys import MOST_USD

__all__ = ["document"]

_TEXT_OR_LIST = {"oneOf": [{"type": "string"}, {"type": "array"}]}
_BODIES: tuple[tuple[str, str, str, dict[str, Any], bool], ...] = (
    ("/v1/chat/completions", "Answer a conversation", "messages", {"type": "array"}, True),
    ("/v1/responses", "Answer, in the way of the responses API", "input", _TEXT_OR_LIST, True),
    ("/v1/completions", "Complete a text", "prompt", _TEXT_OR_LIST, True),
    ("/v1/embeddings", "Vectors of texts", "input", _TEXT_OR_LIST, False),
)
_ERRORS = {
    "400": "the request cannot be used", "401": "no key, or an unknown one", "403": "the key may not do that",
    "404": "no such model", "408": "the request did not come in time", "409": "in conflict with what there is",
    "413": "the request is too large", "415": "not JSON", "429": "budget or rate is spent",
    "500": "the gateway failed", "502": "the upstream failed", "503": "busy, or stopping",
    "504": "the upstream is slow",
}  # fmt: skip


def document() -> dict[str, Any]:
    """The routes in OpenAPI 3.1.

    >>> sorted(document()["paths"])[-1]
    '/v1/responses'
    """
    paths: dict[str, Any] = {}
    for path, summary, field, schema, auto in _BODIES:
        paths[path] = {"post": _post(summary, field, schema, auto)}
    key: list[Any] = [{"client": []}]
    paths["/v1/models"] = {"get": _get("Models that the key may use", "List", key, ("401", "403", "503"))}
    paths["/v1/models/{name}"] = {
        "get": _get("One model", "Model", key, ("401", "403", "404", "503"), [_parameter("name", "path")])
    }
    paths["/healthz"] = {"get": _get("Alive", "Object", [], ())}
    ready = _get("Ready to answer", "Object", [], ())
    ready["responses"]["503"] = _json_response("not ready", "Object")
    paths["/readyz"] = {"get": ready}
    paths["/metrics"] = {
        "get": {
            "summary": "Numbers for Prometheus",
            "responses": {"200": {"description": "numbers", "content": {"text/plain": {"schema": {"type": "string"}}}}},
        }
    }
    paths["/openapi.json"] = {"get": _get("This document", "Object", [], ())}
    paths |= _admin()
    return {
        "openapi": "3.1.0",
        "info": {"title": "liebig gateway", "version": __version__},
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": _schemes()},
    }


def _post(summary: str, field: str, schema: dict[str, Any], auto: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {"model": {"type": "string", "minLength": 1}, field: schema}
    if auto:
        properties["stream"] = {"type": ["boolean", "null"]}
    body = {"type": "object", "required": ["model", field], "properties": properties}
    answer: dict[str, Any] = {"application/json": {"schema": _ref("Object")}}
    if auto:
        answer["text/event-stream"] = {"schema": {"type": "string"}}
    errors = ("400", "401", "403", "404", "408", "413", "415", "429", "500", "502", "503", "504")
    return {
        "summary": summary,
        "security": [{"client": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {"200": {"description": "the answer", "content": answer}, **_errors(errors)},
    }


def _get(
    summary: str, schema: str, security: list[Any], errors: tuple[str, ...], parameters: list[Any] | None = None
) -> dict[str, Any]:
    return {
        "summary": summary,
        "security": security,
        "parameters": parameters or [],
        "responses": {"200": _json_response("the answer", schema), **_errors(errors)},
    }


def _admin() -> dict[str, Any]:
    security: list[Any] = [{"operator": []}]
    new = {
        "type": "object",
        "required": ["name"],
        "additionalProperties": False,
        "properties": {
            "name": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,199}$"},
            **{limit.name: _limit(limit) for limit in LIMITS},
        },
    }
    add = {
        "summary": "A new key; its secret is shown once",
        "security": security,
        "requestBody": {"required": True, "content": {"application/json": {"schema": new}}},
        "responses": {
            "201": _json_response("the key", "Object"),
            **_errors(("400", "401", "404", "408", "409", "413", "415", "503")),
        },
    }
    time = {
        "anyOf": [{"type": "string", "format": "date"}, {"type": "integer", "minimum": 0, "maximum": 4_000_000_000}]
    }
    by = {"enum": ["total", "key", "model", "day"]}
    query = [_parameter("since", "query", time), _parameter("until", "query", time), _parameter("by", "query", by)]
    query.append(_parameter("key", "query"))
    return {
        "/admin/keys": {"get": _get("Keys", "List", security, ("401", "404", "503")), "post": add},
        "/admin/keys/{id}": {
            "delete": _get("Revoke a key", "Object", security, ("401", "404", "409", "503"), [_parameter("id", "path")])
        },
        "/admin/report": {"get": _get("What was saved", "Object", security, ("400", "401", "404", "503"), query)},
    }


def _limit(limit: Column) -> dict[str, Any]:
    """A limit of a key, as ``check_limits`` takes it; null stands for none."""
    if limit.kind == "integer":
        return {"type": ["integer", "null"], "minimum": 1}
    if limit.kind == "real":
        return {"type": ["number", "null"], "minimum": 0, "maximum": MOST_USD}
    if limit.kind == "list":
        return {"type": ["array", "null"], "items": {"type": "string", "minLength": 1}}
    return {"enum": [*limit.choices, None]}


def _parameter(name: str, where: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": schema or {"type": "string"}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json_response(description: str, schema: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref(schema)}}}


def _errors(states: tuple[str, ...]) -> dict[str, Any]:
    return {state: _json_response(_ERRORS[state], "Error") for state in states}


def _schemas() -> dict[str, Any]:
    text = {"type": ["string", "null"]}
    error = {
        "type": "object",
        "required": ["message", "type"],
        "properties": {"message": {"type": "string"}, "type": {"type": "string"}, "param": text, "code": text},
    }
    model = {
        "type": "object",
        "required": ["id", "object", "created", "owned_by"],
        "properties": {
            "id": {"type": "string"}, "object": {"const": "model"}, "created": {"type": "integer"},
            "owned_by": {"type": "string"},
        },
    }  # fmt: skip
    return {
        "Object": {"type": "object"},
        "Error": {"type": "object", "required": ["error"], "properties": {"error": error}},
        "Model": model,
        "List": {
            "type": "object",
            "required": ["object", "data"],
            "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": {"type": "object"}}},
        },
    }


def _schemes() -> dict[str, Any]:
    bearer = {"type": "http", "scheme": "bearer"}
    return {"client": {**bearer, "description": "a key"}, "operator": {**bearer, "description": "the key of operators"}}
