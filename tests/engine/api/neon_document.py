"""Neon's OpenAPI document as a judge of requests and answers.

The document lies beside the repository, never in it. It is OpenAPI 3.0, which is almost JSON Schema; what
differs is translated here (https://spec.openapis.org/oas/v3.0.3#schema-object). On top of what the document
forbids, an answer may not hold a property that the document does not know.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from warubi_tui.engine.api.problems import REQUEST_ID_HEADER

PATH = Path(__file__).parents[4] / "shared" / "neon" / "openapi.json"
PREFIX = "/api/v2"

Schema = dict[str, Any]

_FORMATS = FormatChecker(formats=["email", "uuid"])


@_FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return "T" in value and datetime.fromisoformat(value).tzinfo is not None


@_FORMATS.checks("int32")
def _is_int32(value: object) -> bool:
    return not isinstance(value, int) or -(2**31) <= value < 2**31


def translate(schema: Schema) -> Schema:
    """A schema of OpenAPI 3.0 as one of JSON Schema 2020-12."""
    if "$ref" in schema:
        return {"$ref": f"urn:neon{schema['$ref']}"}
    result = {name: value for name, value in schema.items() if name not in ("nullable", "example")}
    for bound in ("Minimum", "Maximum"):
        if isinstance(result.get(f"exclusive{bound}"), bool) and result.pop(f"exclusive{bound}"):
            result[f"exclusive{bound}"] = result.pop(bound.lower())
    if "properties" in result:
        result["properties"] = {name: translate(part) for name, part in result["properties"].items()}
    for name in ("items", "additionalProperties", "not"):
        if isinstance(result.get(name), dict):
            result[name] = translate(result[name])
    for name in ("allOf", "anyOf", "oneOf"):
        if name in result:
            result[name] = [translate(part) for part in result[name]]
    return {"anyOf": [result, {"type": "null"}]} if schema.get("nullable") else result


class NeonDocument:
    """Checks exchanges against a document in OpenAPI 3.0. Failed checks are AssertionErrors."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._paths: Mapping[str, Any] = document["paths"]
        self._components: Mapping[str, Any] = document["components"]
        schemas = {name: translate(schema) for name, schema in self._components["schemas"].items()}
        resource = DRAFT202012.create_resource({"components": {"schemas": schemas}})
        self._registry: Registry[Any] = Registry().with_resource("urn:neon", resource)
        by_freedom = sorted(self._paths, key=lambda template: template.count("{"))
        self._patterns = [(re.compile(_pattern(template)), template) for template in by_freedom]

    def check(self, response: httpx.Response) -> str:
        """Checks an answer, and its request where that was accepted; returns the route's path."""
        template, values = self._locate(response.request)
        operation = self._paths.get(template, {}).get(response.request.method.lower())
        if response.is_success:
            assert operation is not None, f"not in the document: {response.request.method} {template}"
            self._check_request(operation, self._paths[template], values, response.request)
        self._check_answer(operation or {"responses": {}}, response)
        return template

    def _locate(self, request: httpx.Request) -> tuple[str, dict[str, str]]:
        path = request.url.raw_path.decode().partition("?")[0].removeprefix(PREFIX)
        for pattern, template in self._patterns:
            if match := pattern.fullmatch(path):
                return template, {name: unquote(value) for name, value in match.groupdict().items()}
        return path, {}

    def _check_request(
        self, operation: Schema, item: Schema, path: Mapping[str, str], request: httpx.Request
    ) -> None:
        parameters = [self._resolve(part) for part in item.get("parameters", ())]
        parameters += [self._resolve(part) for part in operation.get("parameters", ())]
        given = {"path": dict(path), "query": dict(request.url.params.multi_items()), "header": {}}
        for parameter in parameters:
            name, place = parameter["name"], given[parameter["in"]]
            assert name in place or not parameter.get("required"), f"{name} is missing"
            if name in place:
                self._check(_typed(place.pop(name), parameter["schema"]), parameter["schema"])
        assert not given["path"], f"path parameters nobody declares: {given['path']}"
        assert not given["query"], f"query parameters nobody declares: {given['query']}"
        self._check_body(operation, request.content)

    def _check_body(self, operation: Schema, content: bytes) -> None:
        body = operation.get("requestBody")
        if not content:
            assert body is None or not body.get("required"), "the body is missing"
            return
        assert body is not None, "a body nobody asks for"
        self._check(json.loads(content), body["content"]["application/json"]["schema"], strictly=True)

    def _check_answer(self, operation: Schema, response: httpx.Response) -> None:
        assert response.headers[REQUEST_ID_HEADER]
        declared = operation["responses"].get(str(response.status_code))
        if declared is None:
            assert response.is_error, f"{response.status_code} is not in the document"
            declared = {"$ref": "#/components/responses/GeneralError"}
        declared = self._resolve(declared)
        if "content" not in declared:
            assert response.content == b""
            return
        assert response.headers["content-type"] == "application/json"
        schema = declared["content"]["application/json"]["schema"]
        self._check(response.json(), schema, strictly=True)
        if response.is_error:
            assert response.json()["request_id"] == response.headers[REQUEST_ID_HEADER]
            assert response.json()["message"]

    def _check(self, value: object, schema: Schema, *, strictly: bool = False) -> None:
        validator = Draft202012Validator(translate(schema), registry=self._registry, format_checker=_FORMATS)
        problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]
        if strictly:
            problems += [f"{place}: not in the document" for place in self._undeclared(value, schema, "$")]
        assert not problems, "\n".join(problems)

    def _undeclared(self, value: object, schema: Schema, place: str) -> list[str]:
        """Properties of `value` that `schema` does not mention."""
        if isinstance(value, list):
            items = self._resolve(schema).get("items", {})
            return [
                found
                for index, item in enumerate(value)
                for found in self._undeclared(item, items, f"{place}[{index}]")
            ]
        if not isinstance(value, dict):
            return []
        properties, rest = self._properties(schema)
        if not properties and rest is None:
            return []
        undeclared = []
        for name, item in value.items():
            part = properties.get(name, rest)
            if part is None:
                undeclared.append(f"{place}.{name}")
            else:
                undeclared += self._undeclared(item, part, f"{place}.{name}")
        return undeclared

    def _properties(self, schema: Schema) -> tuple[dict[str, Schema], Schema | None]:
        """The properties a schema names, its parts' too, and the schema of all others if there is one."""
        schema = self._resolve(schema)
        properties = dict(schema.get("properties", {}))
        rest = schema.get("additionalProperties")
        for part in schema.get("allOf", ()):
            more, more_rest = self._properties(part)
            properties |= more
            rest = rest or more_rest
        return properties, rest if isinstance(rest, dict) else None

    def _resolve(self, part: Schema) -> Schema:
        while "$ref" in part:
            _, _, kind, name = part["$ref"].split("/")
            part = self._components[kind][name]
        return part


def _pattern(template: str) -> str:
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template))


def _typed(text: str, schema: Schema) -> object:
    """A parameter's text as the type its schema asks for, where it can be read so."""
    if schema.get("type") in ("integer", "boolean"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
