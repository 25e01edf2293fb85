"""What is wrong with a document, in words: the field, the rule, and the nearest known name."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from mlflow_plugins.core import InvalidInput, did_you_mean
from mlflow_plugins.jobs._fields import Part, Scalar
from mlflow_plugins.jobs._types import FROM_TYPES

Model = TypeVar("Model", bound=Part)


def validate(model: type[Model], document: Mapping[str, Any], *, what: str) -> Model:
    """Read a document as a model.

    Args:
        model: What it should be.
        document: Of JSON types.
        what: What the model is, for messages, such as ``command job``.

    Raises:
        InvalidInput: Fields are unknown, missing or wrong; all of them are listed.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        messages = {_field(one): _explain(one, model, what) for one in reversed(error.errors())}
        raise InvalidInput("\n".join(reversed(messages.values()))) from None


# Pydantic adds to the place of an error which of several types it tried.
_TRIED = re.compile(r"str|int|float|bool|(dict|list|literal|function-.*)\[.*|\[key\]")


def _field(error: Any) -> str:
    return ".".join(str(part) for part in error["loc"] if not _TRIED.fullmatch(str(part)))


def _explain(error: Any, root: type[Part], what: str) -> str:
    place = [str(part) for part in error["loc"]]
    field = _field(error)
    if error["type"] == "missing":
        return f"Field {field!r} is missing. A {what} needs it."
    if error["type"] == "extra_forbidden":
        known = [one for one in _fields_at(root, place[:-1]) if one not in FROM_TYPES]
        where = f" of {'.'.join(place[:-1])!r}" if len(place) > 1 else f" of a {what}"
        return (
            f"Field {field!r} is unknown. The fields{where} are: {', '.join(known)}."
            f"{did_you_mean(place[-1], known)}"
        )
    got = error["input"]
    shown = f" (got {short(got)})" if isinstance(got, Scalar) or got is None else ""
    message = error["msg"].removeprefix("Value error, ")
    return f"Field {field!r}: {message}{shown}."


def _fields_at(root: type[Part], place: list[str]) -> list[str]:
    """Return the names of the fields that the format has at a place."""
    models = [root]
    for part in place:
        inner = [
            found
            for model in models
            if part in model.model_fields
            for found in _models_in(model.model_fields[part].annotation)
        ]
        models = inner or [one for one in models if _type_of(one) == part] or models
    fields = [pair for model in models for pair in model.model_fields.items()]
    return list(dict.fromkeys(field.alias or name for name, field in fields))


def _models_in(annotation: Any) -> list[type[Part]]:
    """Return the models within an annotation such as ``dict[str, Model] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return [annotation]
    return [found for one in get_args(annotation) for found in _models_in(one)]


def _type_of(model: type[Part]) -> str | None:
    """Return the ``type`` by which a model is chosen; pydantic adds it to the place of an error."""
    field = model.model_fields.get("type")
    words = get_args(field.annotation) if field else ()
    return words[0] if len(words) == 1 else None


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
