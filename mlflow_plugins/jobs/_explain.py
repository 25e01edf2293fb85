"""What is wrong with a document, in words: the field, the rule, and the nearest known name."""

import re
from collections.abc import Mapping
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

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
        return f"Field {field!r} is missing. {_with_article(what).capitalize()} needs it."
    if error["type"] == "extra_forbidden":
        known = [one for one in _fields_at(root, place[:-1]) if one not in FROM_TYPES]
        where = f" of {'.'.join(place[:-1])!r}" if len(place) > 1 else f" of {_with_article(what)}"
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
    annotation: Any = root
    for part in place:
        fields = annotation.model_fields
        if part in fields:
            annotation = _model_in(fields[part].annotation)
    return [field.alias or name for name, field in annotation.model_fields.items()]


def _model_in(annotation: Any) -> Any:
    """Return the model within an annotation such as ``dict[str, Model]``."""
    if get_origin(annotation) in (dict, Union, UnionType):
        candidates = [_model_in(one) for one in get_args(annotation)]
        return next(one for one in candidates if isinstance(one, type) and issubclass(one, Part))
    return annotation


def _with_article(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
