"""The frame around every page: header, navigation, and the router that puts the page into it."""

import inspect
from typing import Any
from urllib.parse import parse_qsl

import dash_mantine_components as dmc
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._actions import LOCATION, NOTICES
from mlflow_plugins.studio._failures import failure_of
from mlflow_plugins.studio._live import CHANGED
from mlflow_plugins.studio._routing import Page
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio._theme import THEME


def add_shell(app: Dash, studio: Studio, prefix: str) -> None:
    """Give the app its layout and its router."""
    app.layout = lambda: _shell(studio)

    @app.callback(
        Output("studio-content", "children"),
        Output("studio-title", "data"),
        Input(LOCATION, "pathname"),
        Input(LOCATION, "search"),
    )
    def route(pathname: str | None, search: str | None) -> tuple[Any, str]:
        path = "/" + (pathname or "").removeprefix(prefix.rstrip("/")).strip("/")
        return _page_content(studio, path, dict(parse_qsl((search or "").removeprefix("?"))))

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("studio", "show_title"),
        Output("studio-announcer", "children"),
        Input("studio-title", "data"),
        State(LOCATION, "pathname"),
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("studio", "toggle_navigation"),
        Output("studio-frame", "navbar"),
        Output("studio-burger", "opened"),
        Input("studio-burger", "opened"),
        Input(LOCATION, "pathname"),
        State("studio-frame", "navbar"),
        prevent_initial_call=True,
    )


def _page_content(studio: Studio, path: str, query: dict[str, str]) -> tuple[Any, str]:
    try:
        page, values = studio.find_page(path)
        known = inspect.signature(page.layout).parameters
        values |= {key: value for key, value in query.items() if key in known and key not in values}
        return page.layout(**values), page.title
    except Exception as error:  # noqa: BLE001 - shown to the user, logged if unexpected
        problem = failure_of(error)
        home = ui.button_link("Go to Home", studio.link("/"), is_primary=False)
        return ui.page(problem.title, ui.failure(problem), html.P(home)), problem.title


def _shell(studio: Studio) -> Component:
    frame: Component = dmc.MantineProvider(
        theme=THEME,
        defaultColorScheme="auto",
        children=[
            dcc.Location(id=LOCATION, refresh="callback-nav"),
            dcc.Store(id="studio-title"),
            dcc.Store(id=CHANGED),
            dmc.NotificationContainer(id=NOTICES, position="bottom-right"),
            html.A("Skip to content", href="#studio-main", className="studio-skip"),
            html.Div(id="studio-announcer", className="studio-hidden", role="status"),
            dmc.AppShell(
                [
                    dmc.AppShellHeader(_header(studio)),
                    dmc.AppShellNavbar(_navigation(studio), **ui.attributes(aria_label="Studio")),
                    dmc.AppShellMain(
                        html.Div(
                            html.Div(_waiting(), id="studio-content"),
                            id="studio-main",
                            tabIndex=-1,
                        )
                    ),
                ],
                id="studio-frame",
                header={"height": 48},
                navbar={"width": 200, "breakpoint": "sm", "collapsed": {"mobile": True}},
                padding=0,
            ),
        ],
    )
    return frame


def _waiting() -> Component:
    """What is seen before the first page arrives."""
    return html.Div(html.Span("Loading", className="studio-hidden"), className="studio-waiting")


def _header(studio: Studio) -> Component:
    workspace = [ui.tag(studio.workspace)] if studio.workspace else []
    user = studio.access.user()
    return html.Div(
        [
            dmc.Burger(
                id="studio-burger",
                size="sm",
                hiddenFrom="sm",
                **ui.attributes(aria_label="Navigation"),
            ),
            dcc.Link(
                [
                    html.Span(className="studio-mark", **ui.attributes(aria_hidden="true")),
                    "MLflow Studio",
                ],
                href=studio.link("/"),
                className="studio-brand",
            ),
            *workspace,
            html.Span(className="studio-spring"),
            *([html.Span(user, className="studio-dim studio-user")] if user else []),
            html.A("MLflow UI", href=studio.mlflow_link(""), className="studio-link outside"),
            dmc.ColorSchemeToggle(
                lightIcon=html.Span(className="icon icon-sun"),
                darkIcon=html.Span(className="icon icon-moon"),
                variant="subtle",
                color="gray",
                size="lg",
                **ui.attributes(aria_label="Light or dark"),
            ),
        ],
        className="studio-header",
    )


def _navigation(studio: Studio) -> list[Component]:
    by_section: dict[str, list[Page]] = {}
    for page in studio.pages:
        if page.icon is not None:
            by_section.setdefault(page.section, []).append(page)
    parts: list[Component] = []
    for section, pages in by_section.items():
        if section:
            parts.append(html.Div(section, className="studio-nav-section"))
        parts += [_navigation_link(studio, page) for page in pages]
    return parts


def _navigation_link(studio: Studio, page: Page) -> Component:
    link: Component = dmc.NavLink(
        label=page.title,
        href=studio.link(page.path),
        active="exact" if page.path == "/" else "partial",
        leftSection=html.Span(className=f"icon icon-{page.icon}"),
        className="studio-nav-link",
    )
    return link
