"""Who may do what: the studio reads and writes inside the server, where nobody checks for it.

MLflow's login app checks the REST calls that come in from outside. The studio calls the store
directly, so its client makes the same checks itself: `UserClient` asks `Access` before every call,
and refuses the calls that it has no rule for.
"""

import functools
from collections.abc import Callable
from typing import Any, Literal, Protocol

from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.store.entities import PagedList  # noqa: TID251 - what MlflowClient itself returns
from mlflow.utils.mlflow_tags import MLFLOW_USER

from mlflow_plugins.core import NotAllowed

Resource = Literal["experiment", "registered_model"]


class Access(Protocol):
    """What the user of the present request may do."""

    @property
    def is_enforced(self) -> bool:
        """Whether users log in at all."""
        ...

    def user(self) -> str | None:
        """Return the login name; None where nobody logs in."""
        ...

    def may_read(self, resource: Resource, key: str) -> bool:
        """Tell whether the user may read an experiment (by id) or a model (by name)."""
        ...

    def may_edit(self, resource: Resource, key: str) -> bool:
        """Tell whether the user may change it."""
        ...

    def may_create(self, resource: Resource) -> bool:
        """Tell whether the user may make new ones."""
        ...

    def on_created(self, resource: Resource, key: str) -> None:
        """Make the user the owner of what he has just made."""
        ...


class EverythingAllowed:
    """The access of a server without logins."""

    is_enforced = False

    def user(self) -> str | None:
        """Nobody logs in."""
        return None

    def may_read(self, resource: Resource, key: str) -> bool:  # noqa: ARG002
        """Everything."""
        return True

    def may_edit(self, resource: Resource, key: str) -> bool:  # noqa: ARG002
        """Everything."""
        return True

    def may_create(self, resource: Resource) -> bool:  # noqa: ARG002
        """Everything."""
        return True

    def on_created(self, resource: Resource, key: str) -> None:
        """Nobody owns anything."""


# Which argument names what is touched, by the client's method. Whatever is not here is refused.
_READ_RUN = {
    "get_run",
    "get_metric_history",
    "list_artifacts",
    "download_artifacts",
    "get_parent_run",
}
_EDIT_RUN = {
    *("log_param", "log_metric", "log_batch", "log_inputs", "log_outputs", "log_text", "log_dict"),
    *("log_artifact", "log_artifacts", "log_figure", "log_image", "log_table"),
    *("set_tag", "delete_tag", "set_terminated", "update_run", "delete_run", "restore_run"),
}
_READ_EXPERIMENT = {"get_experiment"}
_EDIT_EXPERIMENT = {
    *("create_run", "set_experiment_tag", "delete_experiment_tag", "rename_experiment"),
    *("delete_experiment", "restore_experiment"),
}
_READ_MODEL = {
    *("get_registered_model", "get_model_version", "get_model_version_by_alias"),
    *("get_model_version_download_uri", "get_latest_versions"),
}
_EDIT_MODEL = {
    *("create_model_version", "update_model_version", "delete_model_version"),
    *("update_registered_model", "rename_registered_model", "delete_registered_model"),
    *("set_registered_model_tag", "delete_registered_model_tag", "set_registered_model_alias"),
    *("delete_registered_model_alias", "set_model_version_tag", "delete_model_version_tag"),
}


class UserClient(MlflowClient):
    """A client in the server's own process that may do what the present user may do."""

    def __init__(self, access: Access, tracking_uri: str, registry_uri: str | None) -> None:
        self._access = access
        super().__init__(tracking_uri=tracking_uri, registry_uri=registry_uri)

    def check(self, resource: Resource, key: str, *, is_change: bool) -> None:
        """Refuse what the user may not do.

        Raises:
            NotAllowed: He may not.
        """
        may = self._access.may_edit if is_change else self._access.may_read
        if may(resource, key):
            return
        what = "experiment" if resource == "experiment" else "registered model"
        needed = "EDIT" if is_change else "READ"
        raise NotAllowed(
            f"{self._access.user()} may not {'change' if is_change else 'see'} the {what} "
            f"{self._name_of(resource, key)!r}. "
            f"An administrator can grant {needed} on it."
        )

    def _name_of(self, resource: Resource, key: str) -> str:
        return MlflowClient.get_experiment(self, key).name if resource == "experiment" else key

    def create_run(self, experiment_id: str, *args: Any, **kwargs: Any) -> Any:
        """Create a run in the user's name."""
        self.check("experiment", experiment_id, is_change=True)
        user = self._access.user()
        if user is not None:
            kwargs["tags"] = {**(kwargs.get("tags") or {}), MLFLOW_USER: user}
        return super().create_run(experiment_id, *args, **kwargs)

    def create_experiment(self, *args: Any, **kwargs: Any) -> str:
        """Create an experiment that the user then owns."""
        self._check_creation("experiment")
        experiment_id: str = super().create_experiment(*args, **kwargs)
        self._access.on_created("experiment", experiment_id)
        return experiment_id

    def create_registered_model(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Create a registered model that the user then owns."""
        self._check_creation("registered_model")
        model = super().create_registered_model(name, *args, **kwargs)
        self._access.on_created("registered_model", name)
        return model

    def _check_creation(self, resource: Resource) -> None:
        if not self._access.may_create(resource):
            raise NotAllowed(
                f"{self._access.user()} may not create a new {resource.replace('_', ' ')}. "
                "An administrator can allow it."
            )

    def get_experiment_by_name(self, name: str) -> Experiment | None:
        """Find an experiment that the user may see."""
        experiment = super().get_experiment_by_name(name)
        if experiment is not None:
            self.check("experiment", experiment.experiment_id, is_change=False)
        return experiment

    def search_experiments(self, *args: Any, **kwargs: Any) -> Any:
        """List the experiments that the user may see."""
        found = super().search_experiments(*args, **kwargs)
        return _kept(found, lambda one: self._access.may_read("experiment", one.experiment_id))

    def search_runs(self, experiment_ids: list[str], *args: Any, **kwargs: Any) -> Any:
        """List runs of the experiments that the user may see."""
        allowed = [one for one in experiment_ids if self._access.may_read("experiment", one)]
        return super().search_runs(allowed, *args, **kwargs) if allowed else PagedList([], None)

    def search_registered_models(self, *args: Any, **kwargs: Any) -> Any:
        """List the models that the user may see."""
        found = super().search_registered_models(*args, **kwargs)
        return _kept(found, lambda one: self._access.may_read("registered_model", one.name))

    def search_model_versions(self, *args: Any, **kwargs: Any) -> Any:
        """List versions of the models that the user may see."""
        found = super().search_model_versions(*args, **kwargs)
        return _kept(found, lambda one: self._access.may_read("registered_model", one.name))

    def get_logged_model(self, model_id: str) -> Any:
        """Read a logged model of an experiment that the user may see."""
        model = super().get_logged_model(model_id)
        self.check("experiment", model.experiment_id, is_change=False)
        return model


def _kept(found: Any, is_kept: Callable[[Any], bool]) -> Any:
    return PagedList([one for one in found if is_kept(one)], found.token)


def _guarded(method: str) -> Callable[..., Any]:
    """Return the client's method with the check in front of it."""
    original = getattr(MlflowClient, method)

    @functools.wraps(original)
    def call(self: UserClient, *args: Any, **kwargs: Any) -> Any:
        subject = args[0] if args else next(iter(kwargs.values()), "")
        if method in _READ_RUN | _EDIT_RUN:
            run = MlflowClient.get_run(self, kwargs.get("run_id", subject))
            experiment_id = run.info.experiment_id
            self.check("experiment", experiment_id, is_change=method in _EDIT_RUN)
        elif method in _READ_EXPERIMENT | _EDIT_EXPERIMENT:
            experiment_id = kwargs.get("experiment_id", subject)
            self.check("experiment", experiment_id, is_change=method in _EDIT_EXPERIMENT)
        elif method in _READ_MODEL | _EDIT_MODEL:
            name = kwargs.get("name", subject)
            self.check("registered_model", name, is_change=method in _EDIT_MODEL)
        else:
            raise NotAllowed(f"The studio does not use {method}() while users log in.")
        return original(self, *args, **kwargs)

    return call


for _method, _member in vars(MlflowClient).items():
    if callable(_member) and not _method.startswith("_") and _method not in vars(UserClient):
        setattr(UserClient, _method, _guarded(_method))
