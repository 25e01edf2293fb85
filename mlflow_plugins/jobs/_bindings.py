"""Expressions in commands: ``${{inputs.x}}``, ``${{outputs.y}}`` and the optional ``$[[ ... ]]``.

A value is inserted as plain text, once: what looks like an expression inside a value stays as it
is. A part in ``$[[ ]]`` is dropped if one of its inputs has no value.
"""

import re
from collections.abc import Iterator, Mapping

from mlflow_plugins.core import InvalidInput, did_you_mean

_EXPRESSION = re.compile(r"\$\{\{\s*([^{}]*?)\s*\}\}")
_OPTIONAL = re.compile(r"\$\[\[(.*?)\]\]", re.DOTALL)


def resolve(text: str, values: Mapping[str, str | None], *, where: str) -> str:
    """Return the text with every expression replaced by its value.

    Args:
        text: A command or the text of a file.
        values: Values by names such as ``inputs.x``; None where an optional input has no value.
        where: What the text is, for messages, such as ``command``.

    Raises:
        InvalidInput: See `check`.
    """
    check(text, values, where=where)
    return "".join(
        _fill(part, values)
        for part, is_optional in _parts(text)
        if not (is_optional and any(values[name] is None for name in _names(part)))
    )


def check(text: str, values: Mapping[str, object], *, where: str) -> None:
    """Make sure that `resolve` will find a value for every expression.

    Raises:
        InvalidInput: An expression names nothing known, is not closed, or stands for an input
            without a value outside of ``$[[ ]]``.
    """
    for part, is_optional in _parts(text):
        for name in _names(part):
            if name not in values:
                raise InvalidInput(_unknown(name, values, where))
            if values[name] is None and not is_optional:
                raise InvalidInput(
                    f"Field {where!r} uses ${{{{{name}}}}}, which has no value. "
                    f"Give the input a value, or write the part that needs it as "
                    f"$[[ ... ${{{{{name}}}}} ]] so that it is left out."
                )
        if "${{" in _EXPRESSION.sub("", part):
            raise InvalidInput(
                f"Field {where!r} has a '${{{{' that is no expression. "
                "Write ${{inputs.NAME}} or ${{outputs.NAME}}."
            )


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Cut the text into plain and optional parts, in order, without the optional brackets."""
    position = 0
    for match in _OPTIONAL.finditer(text):
        yield text[position : match.start()], False
        yield match[1], True
        position = match.end()
    yield text[position:], False


def _names(part: str) -> list[str]:
    return _EXPRESSION.findall(part)


def _fill(part: str, values: Mapping[str, str | None]) -> str:
    return _EXPRESSION.sub(lambda match: values[match[1]] or "", part)


def _unknown(name: str, values: Mapping[str, object], where: str) -> str:
    known = ", ".join(f"${{{{{one}}}}}" for one in values) or "no inputs and no outputs"
    return (
        f"Field {where!r} uses ${{{{{name}}}}}, which is not defined. The job has: {known}."
        f"{did_you_mean(name, values)}"
    )
