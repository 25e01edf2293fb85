"""What is wrong with a document, in words: the field, the rule, and the nearest known name."""

import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

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
        messages = {
            field: _explain(one, field, model, what)
            for one in reversed(error.errors())
            for field in [".".join(_walk(model, one["loc"])[0])]
        }
        raise InvalidInput("\n".join(reversed(messages.values()))) from None


def _explain(error: Any, field: str, root: type[Part], what: str) -> str:
    if error["type"] == "missing":
        place, owner = _walk(root, error["loc"][:-1])
        of = f"{'.'.join(place)!r}" if place else _with_article(what).capitalize()
        return f"Field {field!r} is missing. {of} needs it."
    if error["type"] == "extra_forbidden":
        place, owner = _walk(root, error["loc"][:-1])
        known = [one for one in _field_names(owner) if one not in FROM_TYPES]
        where = f"of {'.'.join(place)!r}" if place else f"of {_with_article(what)}"
        nearest = did_you_mean(str(error["loc"][-1]), known)
        return f"Field {field!r} is unknown. The fields {where} are: {', '.join(known)}.{nearest}"
    if error["type"].startswith("union_tag"):
        return _explain_tag(error, field)
    got = error["input"]
    shown = f" (got {short(got)})" if isinstance(got, Scalar) or got is None else ""
    message = error["msg"].removeprefix("Value error, ")
    return f"Field {field!r}: {message}{shown}."


def _explain_tag(error: Any, field: str) -> str:
    """Say which types there are, where the type decides what the other fields mean."""
    given = error.get("ctx", {}).get("tag")
    if given is None:
        return f"Field '{field}.type' is missing. It says what the other fields mean."
    known = re.findall(r"'([^']*)'", error["ctx"]["expected_tags"])
    return (
        f"Field '{field}.type' is {given!r}. It must be one of: {', '.join(known)}."
        f"{did_you_mean(given, known)}"
    )


# Pydantic adds to the place of an error which of several types it tried.
_TRIED = re.compile(r"str|int|float|bool|(dict|list|literal|function-.*)\[.*|\[key\]")


def _walk(root: type[Part], loc: tuple[int | str, ...]) -> tuple[list[str], Any]:
    """Follow the place of an error; return its names in the file, and the type that is there."""
    names: list[str] = []
    annotation: Any = root
    for part in loc:
        chosen = _with_tag(annotation, part)
        if chosen is not None:
            annotation = chosen
        elif not _TRIED.fullmatch(str(part)):
            names.append(str(part))
            annotation = _inside(annotation, part)
    return names, annotation


def _with_tag(annotation: Any, part: int | str) -> type[Part] | None:
    """Return the one of several models that a ``type`` chooses."""
    models = list(_models(annotation))
    for model in models if len(models) > 1 else ():
        field = model.model_fields.get("type")
        if field is not None and part in get_args(field.annotation):
            return model
    return None


def _inside(annotation: Any, part: int | str) -> Any:
    """Return the type of an entry of a model, mapping or list."""
    for one in _alternatives(annotation):
        if isinstance(one, type) and issubclass(one, Part) and part in one.model_fields:
            return one.model_fields[str(part)].annotation
        if get_origin(one) in (dict, list):
            return get_args(one)[-1]
    return None


def _field_names(annotation: Any) -> list[str]:
    model = next(_models(annotation))
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> Iterator[type[Part]]:
    for one in _alternatives(annotation):
        if isinstance(one, type) and issubclass(one, Part):
            yield one


def _alternatives(annotation: Any) -> Iterator[Any]:
    """Return the types that an annotation allows."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for one in get_args(annotation):
            yield from _alternatives(one)
    else:
        yield annotation


def _with_article(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
