"""How a version is used: code that is true for this very asset. Pure: an asset in, texts out."""

import json
from dataclasses import dataclass

from mlflow_plugins.core import Asset
from mlflow_plugins.data import studio_uri

_READERS = {"parquet": "pd.read_parquet(path)", "csv": "pd.read_csv(path{how})"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """One way to use an asset.

    Attributes:
        title: What it is for.
        language: ``python``, ``yaml`` or ``shell``.
        text: The code.
    """

    title: str
    language: str
    text: str


def snippets(asset: Asset, *, tracking_uri: str, workspace: str | None = None) -> list[Snippet]:
    """Return code that uses a version.

    Args:
        asset: The version.
        tracking_uri: Where its server answers.
        workspace: The MLflow workspace that it is in, if the server has several.
    """
    return [
        Snippet(title="Python", language="python", text=_python(asset, tracking_uri, workspace)),
        Snippet(
            title="Note it in a run of your own (mlflow.data)",
            language="python",
            text=_noting(asset, tracking_uri, workspace),
        ),
        Snippet(title="Input of a job", language="yaml", text=_job(asset)),
        Snippet(
            title="Command line", language="shell", text=_shell(asset, tracking_uri, workspace)
        ),
    ]


def _start(tracking_uri: str, workspace: str | None) -> list[str]:
    lines = [f"mlflow.set_tracking_uri({json.dumps(tracking_uri)})"]
    if workspace:
        lines.append(f"mlflow.set_workspace({json.dumps(workspace)})")
    return lines


def _python(asset: Asset, tracking_uri: str, workspace: str | None) -> str:
    imports, reading = _reading(asset)
    return "\n".join(
        [
            *imports,
            "",
            *_start(tracking_uri, workspace),
            f"path = mlflow.artifacts.download_artifacts({json.dumps(studio_uri(asset))})",
            *reading,
        ]
    )


def _reading(asset: Asset) -> tuple[list[str], list[str]]:
    """Return the imports, and the lines that read what `path` names."""
    kind, form = asset.spec["type"], asset.spec.get("format")
    if kind == "mltable":
        imports = ["import mlflow", "from mlflow_plugins.data.mltable import load"]
        return imports, ["table = load(path).to_pandas()", "print(table.head())"]
    if kind == "uri_file" and form in _READERS:
        # The separator is found out: a CSV file that is stored as it was may have any.
        how = ', sep=None, engine="python"' if len(asset.spec.get("schema", [])) > 1 else ""
        reader = _READERS[form].format(how=how)
        return ["import mlflow", "import pandas as pd"], [
            f"table = {reader}",
            "print(table.head())",
        ]
    if kind == "uri_file":
        imports = ["from pathlib import Path", "", "import mlflow"]
        return imports, ["content = Path(path).read_bytes()", "print(len(content), 'bytes')"]
    imports = ["from pathlib import Path", "", "import mlflow"]
    return imports, [
        "files = sorted(one for one in Path(path).rglob('*') if one.is_file())",
        "print(len(files), 'files')",
    ]


def _noting(asset: Asset, tracking_uri: str, workspace: str | None) -> str:
    named = f"{json.dumps(asset.name)}, {json.dumps(asset.version)}"
    return "\n".join(
        [
            "import mlflow",
            "",
            *_start(tracking_uri, workspace),
            "with mlflow.start_run():",
            f"    dataset = mlflow.data.from_studio({named})",
            '    mlflow.log_input(dataset, context="training")',
        ]
    )


def _job(asset: Asset) -> str:
    return "\n".join(
        [
            "type: command",
            "command: python train.py --data ${{inputs.data}}",
            "code: src",
            "inputs:",
            "  data:",
            f"    type: {asset.spec['type']}",
            f"    path: {asset.reference}",
        ]
    )


def _shell(asset: Asset, tracking_uri: str, workspace: str | None) -> str:
    lines = [f"export MLFLOW_TRACKING_URI={tracking_uri}"]
    if workspace:
        lines.append(f"export MLFLOW_WORKSPACE={workspace}")
    lines += [
        f"mlflow artifacts download -u {studio_uri(asset)} -d .",
        f"mlflow-studio data show {asset.name}:{asset.version}",
    ]
    if asset.spec.get("schema"):
        query = "SELECT count(*) FROM t"
        named = f"{asset.name}:{asset.version}"
        lines += [
            f"mlflow-studio data profile {named}",
            f'mlflow-studio data query "{query}" --table t={named}',
        ]
    return "\n".join(lines)
