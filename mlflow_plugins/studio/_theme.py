"""The look of MLflow's own UI, as a Mantine theme; the rest is in ``assets/studio.css``."""

from typing import Any

# Shade 6 is MLflow's #2272B4; shade 8 is the one used on tinted surfaces, so that text keeps 4.5:1.
_BLUE = [
    *("#f2f8fc", "#e0eef9", "#c9dff0", "#8fc1e6", "#4da3dc"),
    *("#3a8fcb", "#2272b4", "#1d639d", "#0e538b", "#04355d"),
]

THEME: dict[str, Any] = {
    "primaryColor": "blue",
    "primaryShade": {"light": 6, "dark": 6},
    "colors": {"blue": _BLUE},
    "fontFamily": (
        "-apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
    ),
    "fontFamilyMonospace": "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
    "defaultRadius": 4,
    "fontSizes": {"xs": "12px", "sm": "13px", "md": "13px", "lg": "16px", "xl": "20px"},
    "headings": {"fontWeight": "600"},
    "components": {
        "Button": {"defaultProps": {"size": "sm", "className": "studio-button"}},
        "TextInput": {"defaultProps": {"size": "sm"}},
        "NumberInput": {"defaultProps": {"size": "sm"}},
        "Select": {"defaultProps": {"size": "sm"}},
        "MultiSelect": {"defaultProps": {"size": "sm"}},
        "Modal": {"defaultProps": {"centered": True}},
    },
}
