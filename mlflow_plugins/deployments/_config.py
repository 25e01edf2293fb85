"""The options of a deployment: texts from ``-C name=value``, checked before they are stored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from mlflow_plugins.core import InvalidInput, did_you_mean

ENVIRONMENT = "env."


def _number(low: float, high: float, kind: type) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = kind(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return read


def _word(text: str) -> str:
    if not text or any(character.isspace() or character == "/" for character in text):
        raise ValueError
    return text


def _option(default: Any, rule: str, read: Callable[[str], Any]) -> Any:
    return field(default=default, metadata={"rule": rule, "read": read})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingConfig:
    """How one deployment is served.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 picks a free one and keeps it as long as it stays free.
        n_threads: Threads that numeric libraries may use for one prediction.
        max_batch_rows: Rows that are predicted in one call when requests wait; 1 keeps requests
            apart; None combines where the model is known to treat rows one by one.
        max_queue: Requests that may wait; more are refused with status 429.
        max_body_mib: Largest request.
        request_timeout_seconds: How long a request may take.
        environment: More environment variables of the server process.
    """

    host: str = _option("127.0.0.1", "a host name or an address", _word)
    port: int = _option(0, "a number from 0 to 65535", _number(0, 65535, int))
    n_threads: int = _option(1, "a number from 1 to 1024", _number(1, 1024, int))
    max_batch_rows: int | None = _option(
        None, "a number from 1 to 1000000", _number(1, 1_000_000, int)
    )
    max_queue: int = _option(1000, "a number from 1 to 100000", _number(1, 100_000, int))
    max_body_mib: float = _option(64.0, "a number above 0, up to 2048", _number(1e-6, 2048, float))
    request_timeout_seconds: float = _option(
        60.0, "a number of seconds from 0.01 to 86400", _number(0.01, 86_400, float)
    )
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, config: Mapping[str, str]) -> Self:
        """Read options such as ``{"n_threads": "2", "env.TZ": "UTC"}``.

        Raises:
            InvalidInput: An option is unknown or its value breaks its rule.
        """
        options = {one.name: one for one in fields(cls) if one.metadata}
        values: dict[str, Any] = {}
        environment: dict[str, str] = {}
        for name, text in config.items():
            if name.startswith(ENVIRONMENT) and len(name) > len(ENVIRONMENT):
                environment[name.removeprefix(ENVIRONMENT)] = str(text)
            elif name in options:
                values[name] = _read(name, str(text), options[name].metadata)
            else:
                known = [*options, "env.NAME"]
                raise InvalidInput(
                    f"{name!r} is not an option of a deployment. The options are: "
                    f"{', '.join(known)}.{did_you_mean(name, known)}"
                )
        return cls(**values, environment=environment)


def shown(config: Mapping[str, str]) -> dict[str, str]:
    """Return the options as they may be shown: values of ``env.`` options can be secrets."""
    return {
        name: "***" if name.startswith(ENVIRONMENT) else value for name, value in config.items()
    }


def _read(name: str, text: str, metadata: Mapping[str, Any]) -> Any:
    try:
        return metadata["read"](text)
    except ValueError as error:
        raise InvalidInput(
            f"The option {name!r} is {text!r}. It must be {metadata['rule']}."
        ) from error
