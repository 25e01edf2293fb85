"""New data, second step: how it is read, what it is called; then it is created, with progress."""

import dataclasses
import json
import time
from typing import Any

from dash import Input, Output, State, ctx, html, set_props
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from mlflow_plugins.core import InvalidInput, StudioError
from mlflow_plugins.studio import _components as ui
from mlflow_plugins.studio._actions import LOCATION
from mlflow_plugins.studio._failures import failure_of
from mlflow_plugins.studio._import_start import start_bringing, start_creating
from mlflow_plugins.studio._import_task import in_pages_words
from mlflow_plugins.studio._live import Final
from mlflow_plugins.studio._studio import Studio
from mlflow_plugins.studio._upload_folder import Upload
from mlflow_plugins.studio._upload_places import get_upload, remove_upload
from mlflow_plugins.studio._uploads import read_wish
from mlflow_plugins.studio.pages.data import _import_form as form
from mlflow_plugins.studio.pages.data._glance_view import (
    TYPES_GRID,
    diff_note,
    glance_view,
    schema_diff,
)
from mlflow_plugins.studio.pages.data._places import DATA, DETAIL, IMPORT, LIST, NEW


class ImportPage:
    """The page of data that has come and is not an asset yet."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._create = studio.action("data-create", self._on_create)
        self._again = studio.action("data-fetch-again", self._on_again)
        self._forget = studio.action("data-forget", self._on_forget)
        self._progress = studio.live("data-create-progress", self._render_progress, seconds=1)
        self._bringing = studio.live("data-bring-progress", self._render_bringing, seconds=1)
        field = self._create.field
        seen = [field(name) for name in form.SEEN]
        self._outcome = studio.outcome("data-import", seen, self._look)
        studio.add_page(IMPORT, self.page, title="New data")

        @studio.callback(
            Output(field("types"), "value"),
            Input(TYPES_GRID, "cellValueChanged"),
            State(field("types"), "value"),
            prevent_initial_call=True,
        )
        def note_type(changes: list[dict[str, Any]] | None, types: str | None) -> str:
            if not changes:
                raise PreventUpdate
            chosen = {one["data"]["name"]: one["value"] for one in changes}
            return json.dumps(form.read_types(types) | chosen)

    def page(
        self,
        token: str,
        name: str = "",
        type: str = "",  # noqa: A002 - the query of its address
        step: str = "",
    ) -> Component:
        """Show what there is to decide, or what is being done."""
        del step  # makes the address another one when there is more to see
        studio = self._studio
        upload = get_upload(studio, token)
        manifest, state = upload.manifest(), upload.state()
        job, phase = state.get("job"), state.get("phase")
        if job == "create" and phase in ("running", "done"):
            content: Any = ui.card(None, self._progress(token=token))
        elif job == "bring" and phase != "done":
            content = ui.card(None, self._bringing(token=token, name=name, kind=type))
        elif not upload.is_complete():
            content = self._incomplete(upload, name)
        else:
            content = self._form(upload, token, name, type)
        stop = self._forget.button(
            "Discard",
            confirm="What was sent is removed from the server. Nothing was created yet.",
            look="plain",
            token=token,
        )
        return ui.page(
            f"New version of {name}" if name else "New data",
            content,
            subtitle=manifest["shown"],
            actions=[] if phase == "running" and job == "create" else [stop],
            back=("Where it is", studio.link(NEW, name=name or None)),
        )

    def _incomplete(self, upload: Upload, name: str) -> Component:
        address = self._studio.link(NEW, name=name or None)
        return ui.note(
            [
                ui.size(upload.missing_bytes()),
                (
                    " have not come yet. Choose the same files again on the page before this one "
                    "to go on from there. "
                ),
                ui.link("Go on sending", address),
            ],
            title="The upload was interrupted",
            color="orange",
        )

    def _form(self, upload: Upload, token: str, name: str, kind: str) -> Component:
        state = upload.state()
        problem = (
            [ui.note(state["message"], title="It was not created", color="red")]
            if state.get("phase") == "failed"
            else []
        )
        inputs = form.Form(self._create.field, upload, token, name, kind)
        return html.Div(
            [
                *problem,
                html.Div(
                    [
                        ui.stack(
                            [
                                inputs.reading(),
                                inputs.naming(),
                                self._create.result(),
                                html.Div(self._create.button("Create")),
                            ]
                        ),
                        self._outcome(),
                    ],
                    className="studio-import",
                ),
            ]
        )

    # ------------------------------------------------------------ what would come of it

    def _look(self, *values: Any) -> Any:
        given = dict(zip(form.SEEN, values, strict=True))
        try:
            upload = get_upload(self._studio, given["token"])
            name = str(given["name"] or "").strip()
            if (upload.manifest()["source"] or {}).get("kind") == "reference":
                return self._reference(upload)
            table = form.table_of(upload, given["kind"])
            if table is None:
                return _listing(upload)
            return self._glance(table, given, name)
        except StudioError as error:
            failure = failure_of(error)
            failure = dataclasses.replace(failure, message=in_pages_words(failure.message))
            return ui.card("As it is read", ui.failure(failure))

    def _glance(self, table: Any, given: dict[str, Any], name: str) -> Component:
        from mlflow_plugins.data.importing import TYPES, ImportOptions, glance

        types = form.read_types(given["types"])
        options = ImportOptions(**form.options_of(given))
        found = glance(table, options=options)
        columns = [(one.name, types.get(one.name, one.type)) for one in found.columns]
        view = glance_view(found, types, tuple(TYPES))
        note = self._diff(name, columns)
        return html.Div([note, view]) if note is not None else view

    def _diff(self, name: str, columns: list[tuple[str, str]]) -> Component | None:
        """Say what a new version changes; None if it is the first one."""
        if not name:
            return None
        try:
            latest = self._studio.assets().find(DATA, name)
        except StudioError:  # not a name yet
            return None
        if latest is None:
            return None
        title = f"{name} exists: this becomes the version after {latest.version}"
        schema = latest.spec.get("schema")
        if not schema:
            return ui.note("The latest version is no table.", title=title)
        return diff_note(title, schema_diff(schema, columns))

    def _reference(self, upload: Upload) -> Component:
        source = upload.manifest()["source"]
        return ui.card(
            "What is kept",
            ui.key_values({"Address": html.Code(source["address"])}),
            html.P(
                "A file of up to 64 MiB is read once for a digest over its content; of a larger "
                "one, and of a folder, names, sizes and etags are noted.",
                className="studio-dim",
            ),
        )

    # ------------------------------------------------------------ what is done

    def _on_create(self, token: str, **given: Any) -> Any:
        studio = self._studio
        upload = get_upload(studio, token)
        studio.check_edit(DATA)
        start_creating(studio, upload, read_wish(form.wish_of(given)))
        return studio.Done(show=self._progress(token=token))

    def _render_progress(self, token: str) -> Any:
        state = get_upload(self._studio, token).state()
        phase = state.get("phase")
        if phase == "failed":
            return Final(ui.note(state["message"], title="It was not created", color="red"))
        if phase != "done":
            return _moving(state)
        asset = state["asset"]
        address = self._studio.link(DETAIL, name=asset["name"], version=asset["version"])
        if _is_waited_for():
            set_props(LOCATION, {"href": address})
        n_bad = state.get("n_bad_lines") or 0
        kept = f" {n_bad:,} lines were kept aside." if n_bad else ""
        return Final(
            ui.note(
                [
                    f"{asset['name']}:{asset['version']} is there.{kept} ",
                    state.get("sentence") or "",
                    html.Br(),
                    ui.link("Look at it", address),
                ],
                title="Created",
                color="green",
            )
        )

    def _render_bringing(self, token: str, name: str, kind: str) -> Any:
        studio = self._studio
        state = get_upload(studio, token).state()
        phase = state.get("phase")
        if phase == "failed":
            return Final(
                [
                    ui.note(state["message"], title="It could not be fetched", color="red"),
                    self._again.button("Try again", token=token, name=name, kind=kind),
                ]
            )
        if phase != "done":
            return _moving(state)
        address = studio.link(
            IMPORT, token=token, name=name or None, type=kind or None, step="read"
        )
        if _is_waited_for():
            set_props(LOCATION, {"href": address})
        return Final(ui.link("It is there: look at it", address))

    def _on_again(self, token: str, name: str, kind: str) -> Any:
        studio = self._studio
        start_bringing(studio, get_upload(studio, token))
        values = {"name": name or None, "type": kind or None, "step": f"again-{time.time():.0f}"}
        return studio.Done(go_to=studio.link(IMPORT, token=token, **values))

    def _on_forget(self, token: str) -> Any:
        remove_upload(self._studio, token)
        return self._studio.Done(message="It is discarded.", go_to=self._studio.link(LIST))


def _is_waited_for() -> bool:
    """Tell whether somebody waits for it: whoever comes back to the page is not led away.

    The browser asks by itself, or the work was so quick that it had ended when its button answered.
    """
    trigger = ctx.triggered_id
    return isinstance(trigger, dict) and trigger.get("part") in ("clock", "run")


def _moving(state: dict[str, Any]) -> Component:
    n_rows = state.get("n_rows")
    rows = f", {n_rows:,} rows so far" if n_rows else ""
    since = time.time() - state.get("started_at", time.time())
    words = f" {state.get('step') or 'Starting'}{rows}, for {ui.duration(round(since))}…"
    return html.P([ui.badge("Running"), words], role="status")


def _listing(upload: Upload) -> Component:
    things = upload.things()
    rows = [
        [one.relative_to(upload.content).as_posix(), ui.size(one.stat().st_size)]
        for one in things[:100]
    ]
    if not rows:
        raise InvalidInput("Nothing has come. Choose a file, and send it.")
    total = sum(one.stat().st_size for one in things)
    caption = f"{len(things):,} files, {ui.size(total)}" if len(things) > 1 else ui.size(total)
    more = f" The first {len(rows)} are shown." if len(things) > len(rows) else ""
    return ui.card(
        "What is stored",
        html.P(f"{caption}, as they are.{more}", className="studio-dim"),
        ui.table(["File", "Size"], rows, label="Files"),
    )
