"""What an asset is: where its content lies, who made it, its columns."""

from dash import html
from dash.development.base_component import Component

from mlflow_plugins.core import Asset
from mlflow_plugins.studio import _components as ui


class About:
    """The tab with the facts of one version."""

    def section(self, asset: Asset) -> Component:
        """Show the facts, and the columns if it is a table."""
        parts = [ui.card("About", ui.key_values(_facts(asset)))]
        if asset.spec.get("schema"):
            parts.append(ui.card("Columns", _schema(asset)))
        return ui.columns(*parts)


def _facts(asset: Asset) -> dict[str, object]:
    spec = asset.spec
    schema = spec.get("schema")
    return {
        "Type": ui.tag(spec["type"]),
        "Version": ui.tag(asset.version),
        "Rows": ui.number(spec.get("n_rows")) if schema else None,
        "Columns": ui.number(len(schema)) if schema else None,
        "File": spec.get("file"),
        "Size": ui.size(spec.get("size_bytes", 0)),
        "Created": ui.ago(asset.created_at),
        "Created by": asset.created_by,
        "In job files": html.Code(asset.reference),
        "SHA-256": html.Code(spec.get("digest", "")),
        **{f"Tag {key}": value for key, value in asset.tags.items()},
    }


def _schema(asset: Asset) -> Component:
    rows = [[column["name"], ui.tag(column["type"])] for column in asset.spec["schema"]]
    return ui.table(["Name", "Type"], rows, label="Columns")
