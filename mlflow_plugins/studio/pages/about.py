"""About: versions, settings, and which pages were found."""

from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version

from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._studio import Studio

_PACKAGES = ("mlflow-studio", "mlflow", "dash", "dash-mantine-components", "dash-ag-grid")


def register(studio: Studio) -> None:
    """Add the page."""

    def page() -> Component:
        return ui.page(
            "About",
            _pages(studio),
            ui.columns(
                ui.card("Versions", ui.key_values({one: _version(one) for one in _PACKAGES})),
                ui.card("Settings", ui.key_values(_settings(studio))),
            ),
            subtitle="What this studio is made of.",
        )

    studio.add_page("/about", page, title="About", icon="plugins", section="Server", order=90)


def _pages(studio: Studio) -> Component:
    rows = [
        [
            one.name,
            ui.badge("Failed" if one.error else "Ready"),
            one.target,
            one.distribution,
            one.error or "-",
        ]
        for one in studio.plugins
    ]
    headings = ["Pages", "Status", "Registered by", "Package", "Error"]
    return ui.card("Pages", ui.table(headings, rows, label="Pages"))


def _settings(studio: Studio) -> dict[str, str]:
    return {
        f"MLFLOW_STUDIO_{field.name.upper()}": f"{getattr(studio.settings, field.name):g}"
        for field in fields(studio.settings)
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
