"""A small OpenAPI description of one scoring server, true to the model's signature."""

from collections.abc import Mapping
from typing import Any

from mlflow.types import DataType, Schema
from mlflow.types.schema import ColSpec

_TYPES = {
    DataType.boolean: {"type": "boolean"},
    DataType.integer: {"type": "integer", "format": "int32"},
    DataType.long: {"type": "integer", "format": "int64"},
    DataType.float: {"type": "number", "format": "float"},
    DataType.double: {"type": "number", "format": "double"},
    DataType.string: {"type": "string"},
    DataType.binary: {"type": "string", "format": "byte"},
    DataType.datetime: {"type": "string", "format": "date-time"},
}


def describe(identity: Mapping[str, str], schema: Schema | None) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document.

    Args:
        identity: Has the deployment's name and version.
        schema: The model's input schema, if it has one.
    """
    error = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    refusals = {
        "400": "The body does not fit the model",
        "401": "No valid key",
        "413": "The body is too large",
        "415": "Unknown content type",
        "429": "Too many requests wait",
        "504": "No answer in time",
    }
    answer = {
        "description": "One prediction for each row",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Predictions"}}},
    }
    score = {
        "operationId": "score",
        "security": [{"key": []}],
        "requestBody": {"required": True, "content": _bodies(schema)},
        "responses": {
            "200": answer,
            **{code: {"description": text, **error} for code, text in refusals.items()},
        },
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": identity.get("deployment", "model"),
            "version": identity.get("version", "0"),
        },
        "paths": {"/invocations": {"post": score}},
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Predictions": {"type": "object", "required": ["predictions"]},
                "Error": {
                    "type": "object",
                    "properties": {
                        "error_code": {"type": "string"},
                        "message": {"type": "string"},
                    },
                },
            },
        },
    }


def _bodies(schema: Schema | None) -> dict[str, Any]:
    record = _record(schema)
    split = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "columns": {"type": "array", "items": {"type": "string"}},
            "index": {"type": "array"},
            "data": {"type": "array", "items": {"type": "array"}},
        },
    }
    forms = {
        "dataframe_split": split,
        "dataframe_records": {"type": "array", "items": record},
        "instances": {},
        "inputs": {},
    }
    params = {"params": {"type": "object"}}
    one_of = [
        {"type": "object", "required": [name], "properties": {name: form, **params}}
        for name, form in forms.items()
    ]
    return {
        "application/json": {"schema": {"oneOf": one_of}},
        "text/csv": {"schema": {"type": "string"}},
        "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
    }


def _record(schema: Schema | None) -> dict[str, Any]:
    if schema is None or not schema.has_input_names():
        return {"type": "object"}
    columns = [one for one in schema.inputs if isinstance(one, ColSpec)]
    return {
        "type": "object",
        "required": [str(name) for name in schema.required_input_names()],
        "properties": {
            str(one.name): dict(_TYPES.get(one.type, {})) if isinstance(one.type, DataType) else {}
            for one in columns
        },
    }
