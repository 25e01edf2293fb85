"""Where packages come from: what pip was told on this machine, said to uv.

uv reads its own variables and files only. A machine on which pip finds its packages (a mirror in
``pip.conf``, ``PIP_INDEX_URL``) must not have to be told a second time. What somebody did tell uv
is not touched.
"""

import configparser
import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

_SOURCES = ("index-url", "extra-index-url", "find-links", "no-index")
_UV_SOURCES = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_OFFLINE",
)


def uv_settings(variables: Mapping[str, str]) -> dict[str, str]:
    """Return uv's variables for what pip's settings say, where uv itself was told nothing.

    Args:
        variables: The environment in which pip would run.
    """
    pip = pip_settings(variables)
    wanted = {
        "SSL_CERT_FILE": pip.get("cert", ""),
        "UV_HTTP_TIMEOUT": pip.get("timeout", "") or pip.get("default-timeout", ""),
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
    }
    if not _is_told(variables):
        wanted |= _sources(pip)
    return {name: value for name, value in wanted.items() if value and name not in variables}


def uv_options(variables: Mapping[str, str]) -> list[str]:
    """Return uv's options for what of pip's settings no variable of uv's can say."""
    says_no = pip_settings(variables).get("no-index", "").lower() in ("1", "true", "yes", "on")
    return ["--no-index"] if says_no and not _is_told(variables) else []


def _is_told(variables: Mapping[str, str]) -> bool:
    """Tell whether somebody told uv itself where packages come from."""
    return any(name in variables for name in _UV_SOURCES) or _has_uv_index(variables)


def _sources(pip: Mapping[str, str]) -> dict[str, str]:
    extra = _that_exist(pip.get("extra-index-url", ""))
    links = _that_exist(pip.get("find-links", ""))
    return {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": " ".join(extra),
        "UV_FIND_LINKS": ",".join(links),
        # pip takes the best version of all indexes, uv that of the first index with the name.
        "UV_INDEX_STRATEGY": "unsafe-best-match" if extra else "",
    }


def _that_exist(places: str) -> list[str]:
    """Leave out folders that are not there: pip says so and goes on, uv ends."""
    return [one for one in places.split() if _folder(one) is None or _is_there(one)]


def _is_there(place: str) -> bool:
    folder = _folder(place)
    return folder is not None and folder.exists()


def _folder(place: str) -> Path | None:
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return None if parts.scheme else Path(place)


def pip_settings(variables: Mapping[str, str]) -> dict[str, str]:
    """Return pip's settings as pip itself would find them: files first, then ``PIP_*``."""
    settings: dict[str, str] = {}
    for path in _pip_files(variables):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            continue  # pip will tell whoever uses pip
        for section in ("global", "install"):
            if parser.has_section(section):
                settings |= {key.replace("_", "-"): one for key, one in parser.items(section)}
    return settings | {
        key.removeprefix("PIP_").lower().replace("_", "-"): value
        for key, value in variables.items()
        if key.startswith("PIP_") and value
    }


def _pip_files(variables: Mapping[str, str]) -> list[Path]:
    """Return where pip looks for its settings, the weakest first."""
    own = variables.get("PIP_CONFIG_FILE")
    if own == os.devnull:
        return []
    home = _home(variables)
    system = variables.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    return [
        *(Path(one) / "pip" / "pip.conf" for one in reversed(system.split(os.pathsep))),
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        _config_home(variables) / "pip" / "pip.conf",
        Path(sys.prefix) / "pip.conf",
        *([Path(own)] if own else []),
    ]


def _has_uv_index(variables: Mapping[str, str]) -> bool:
    """Tell whether a settings file of uv itself says where packages come from."""
    names = {"index", *_SOURCES}
    for path in (_config_home(variables) / "uv" / "uv.toml", Path("/etc/uv/uv.toml")):
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if names & {*settings, *settings.get("pip", {})}:
            return True
    return False


def _home(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("HOME") or Path.home())


def _config_home(variables: Mapping[str, str]) -> Path:
    return Path(variables.get("XDG_CONFIG_HOME") or _home(variables) / ".config")
