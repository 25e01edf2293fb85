"""Pinning: what a file says about an environment becomes a document that stays what it is.

At submission the texts of all files are read, names of assets become versions, and whatever can be
refused is. What is left says the same for ever and on any machine.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow_plugins.core import (
    Asset,
    AssetReference,
    AssetStore,
    InvalidInput,
    NotFound,
    StudioError,
    is_reference,
    parse_reference,
)
from mlflow_plugins.core.yaml_files import parse_yaml
from mlflow_plugins.jobs._explain import validate
from mlflow_plugins.jobs._fields import Part
from mlflow_plugins.jobs.environments._conda import read_conda
from mlflow_plugins.jobs.environments._fields import Environment
from mlflow_plugins.jobs.environments._policy import Policy, read_policy
from mlflow_plugins.jobs.environments._recipe import CondaRecipe, Recipe, python_versions
from mlflow_plugins.jobs.environments._requirements import (
    Requirements,
    check_below,
    read_text,
)

ENVIRONMENT = "environment"

_REMOTE = re.compile(
    r"azureml://(?:registries/[^/]+|.*/workspaces/[^/]+)/environments/(?P<name>[^/]+)"
    r"(?:/(?:versions|labels)/(?P<which>[^/]+))?"
)
_FILE = "file:"
_CURATED_PREFIX = "azureml-"
_IN_CONTEXT = ("requirements.txt", "conda.yml", "conda.yaml", "environment.yml", "environment.yaml")
_WORKSPACE = "the workspace's own environment is used"


class PinnedEnvironment(Part):
    """An environment as a job's record keeps it.

    Attributes:
        title: For people: ``churn:3``, ``conda.yml``, ``image python:3.11``.
        recipe: What to build; None for the workspace's own environment.
        policy: What the job chose; None leaves it to the agent.
        not_applied: What its file asks for and no machine of ours gives.
    """

    title: str = ""
    recipe: Recipe | None = None
    policy: Policy | None = None
    not_applied: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return it as JSON types; `model_validate` reads them."""
        return self.model_dump(mode="json", exclude_defaults=True)


def pin(
    environment: Environment | None,
    store: AssetStore,
    *,
    base_folder: Path,
    variables: Mapping[str, str] | None = None,
) -> PinnedEnvironment:
    """Fix what an environment is.

    Args:
        environment: What a file says; None if it says nothing.
        store: Where environment assets are looked up.
        base_folder: What relative paths count from.
        variables: The job's own environment variables; one of them may choose the policy.

    Raises:
        InvalidInput: A file is missing or wrong.
        NotFound: There is no such environment.
    """
    policy = read_policy(variables or {})
    if environment is None:
        return PinnedEnvironment(policy=policy)
    try:
        pinned = _pin(environment, store, base_folder)
    except StudioError as error:
        raise type(error)(f"Field 'environment': {error.message}") from error
    if policy is Policy.WORKSPACE and pinned.recipe is not None:
        words = f"environment {pinned.title} (the job's policy is 'workspace': {_WORKSPACE})"
        return PinnedEnvironment(title=pinned.title, policy=policy, not_applied=(words,))
    return pinned.model_copy(update={"policy": policy})


def _pin(environment: Environment, store: AssetStore, base_folder: Path) -> PinnedEnvironment:
    if environment.reference is None:
        content = inline_files(environment, base_folder)
        pinned = pin_content(content, title=_title(environment))
        hints = _hints(environment, base_folder)
        return pinned.model_copy(update={"not_applied": (*pinned.not_applied, *hints)})
    if environment.reference.startswith(_FILE):
        path = base_folder / environment.reference.removeprefix(_FILE)
        return _pin(read_environment_file(path), store, path.parent)
    found = find(environment.reference, store)
    if isinstance(found, str):
        words = f"environment {found} (Azure's images are not pulled; {_WORKSPACE})"
        return PinnedEnvironment(title=found, not_applied=(words,))
    content = Environment.model_validate(found.spec)
    title = f"{found.name}:{found.version}"
    return pin_content(content, title=title)


def read_environment_file(path: Path, *, root: Path | None = None) -> Environment:
    """Read an environment file that a field names.

    Args:
        path: The file.
        root: See `inline_files`.

    Raises:
        InvalidInput: It is not there, not below the folder, or not an environment file.
    """
    document = parse_yaml(read_text(path, where="environment", root=root), path)
    if not isinstance(document, Mapping) or "reference" in document:
        raise InvalidInput(f"{str(path)!r} is not an environment file: a mapping of YAML.")
    return validate(Environment, document, what="environment")


def find(reference: str, store: AssetStore) -> Asset | str:
    """Return the asset that a reference means, or the name of an environment of Azure's own.

    Raises:
        InvalidInput: It is not a reference.
        NotFound: There is no such asset.
    """
    remote = _REMOTE.fullmatch(reference)
    if remote is not None:
        return f"{remote['name']}@{remote['which'] or 'latest'}"
    if not is_reference(reference):
        raise InvalidInput(
            f"{reference!r} is not a reference to an environment. Write azureml:NAME:VERSION, "
            "azureml:NAME@latest, file:PATH, or a mapping such as {conda_file: conda.yml}."
        )
    parsed = parse_reference(reference)
    try:
        return store.resolve(ENVIRONMENT, parsed)
    except NotFound:
        if is_curated(parsed):
            return str(parsed)
        raise


def is_curated(reference: AssetReference) -> bool:
    """Tell whether a name is one of those that Azure keeps for its own environments."""
    return reference.name.lower().startswith(_CURATED_PREFIX)


def inline_files(
    environment: Environment, base_folder: Path, *, root: Path | None = None
) -> Environment:
    """Return the same environment with the files' contents in place of their paths.

    Args:
        environment: Not a reference, unless it is one to a file.
        base_folder: What relative paths count from.
        root: A folder below which all files must lie; None for anywhere.

    Raises:
        InvalidInput: A file is missing or not what it should be.
    """
    changes: dict[str, Any] = {}
    if environment.conda_file is not None:
        changes["conda_file"] = _inline_conda(environment.conda_file, base_folder, root)
    if environment.requirements is not None:
        lines, folder = environment.requirements, base_folder
        if isinstance(lines, str):
            folder = (base_folder / lines).parent
            lines = read_text(base_folder / lines, where="requirements", root=root).splitlines()
        changes["requirements"] = _inline_requirements(lines, folder, "requirements", root)
    if environment.build is not None:
        if "://" not in environment.build.path:
            check_below(base_folder / environment.build.path, root, where="build")
        _check_context(environment, base_folder)
    return environment.model_copy(update=changes)


def _inline_conda(
    given: str | dict[str, Any], base_folder: Path, root: Path | None
) -> dict[str, Any]:
    document: Any = given
    folder = base_folder
    if isinstance(given, str):
        path = base_folder / given
        folder = path.parent
        document = parse_yaml(read_text(path, where="conda_file", root=root), path)
        if not isinstance(document, dict):
            raise InvalidInput(f"conda_file: {str(path)!r} is not a mapping of YAML.")
    read_conda(document)  # refuses what is wrong
    dependencies = [
        {"pip": _inline_requirements(one["pip"], folder, "conda_file", root)}
        if isinstance(one, Mapping)
        else one
        for one in document["dependencies"]
    ]
    return {**document, "dependencies": dependencies}


def _inline_requirements(
    lines: Iterable[str], folder: Path, where: str, root: Path | None
) -> list[str]:
    """Return the lines, with those of the files that they name, in the recipe's form."""
    read = Requirements(root=root)
    read.read_lines(lines, folder=folder, where=where)
    return [*read.options, *sorted(read.requirements)]


def _check_context(environment: Environment, base_folder: Path) -> None:
    if environment.build is None or "://" in environment.build.path:
        return
    folder = base_folder / environment.build.path
    if not (folder / environment.build.dockerfile_path).is_file():
        raise InvalidInput(
            f"build: there is no file {environment.build.dockerfile_path!r} in the folder "
            f"{str(folder)!r}. Relative paths count from the folder of the file that names them."
        )


def _hints(environment: Environment, base_folder: Path) -> list[str]:
    """Say what lies in a Docker context and could be installed without Docker."""
    if environment.build is None or "://" in environment.build.path:
        return []
    folder = Path(environment.build.path)
    there = [one for one in _IN_CONTEXT if (base_folder / folder / one).is_file()]
    fields = [
        f"{'requirements' if one.endswith('.txt') else 'conda_file'}: {(folder / one).as_posix()}"
        for one in there
    ]
    return [f"{one} would install what the Docker context names" for one in fields]


def pin_content(content: Environment, *, title: str = "") -> PinnedEnvironment:
    """Return the pinned form of an environment that names no files any more."""
    title = title or _title(content)
    recipe = _recipe_of(content)
    return PinnedEnvironment(
        title=title,
        recipe=recipe,
        not_applied=tuple(_not_applied(content, title, has_recipe=recipe is not None)),
    )


def _recipe_of(content: Environment) -> Recipe | None:
    if isinstance(content.conda_file, Mapping):
        conda = read_conda(content.conda_file)
        recipe = _recipe(conda.python, conda.requirements, "conda_file")
        parts = CondaRecipe(
            channels=conda.channels,
            dependencies=tuple(sorted(conda.dependencies)),
            pip=conda.pip,
            unavailable=dict(conda.unavailable),
        )
        return recipe.model_copy(update={"conda": parts})
    if content.python is not None or content.requirements is not None:
        return _recipe(content.python or "", content.requirements or (), "requirements")
    return None


def _recipe(python: str, lines: Iterable[str], where: str) -> Recipe:
    read = Requirements()
    read.read_lines(lines, folder=None, where=where)
    return Recipe(
        python=python_versions(python, where="python") if python else "",
        requirements=tuple(sorted(read.requirements)),
        options=tuple(read.options),
    )


def _title(content: Environment) -> str:
    if content.name is not None:
        return str(content.name)
    if isinstance(content.conda_file, str):
        return Path(content.conda_file).name
    if content.conda_file is not None:
        return f"conda file {content.conda_file.get('name', '')}".rstrip()
    if content.image is not None:
        return f"image {content.image}"
    if content.build is not None:
        return f"Docker build {content.build.path}"
    if isinstance(content.requirements, str):
        return Path(content.requirements).name
    return "requirements" if content.requirements is not None else f"Python {content.python}"


def _not_applied(content: Environment, title: str, *, has_recipe: bool) -> Iterator[str]:
    verb = "built" if content.build is not None else "pulled"
    if content.image is not None or content.build is not None:
        what = f"image {content.image!r}" if content.build is None else "build"
        yield (
            f"environment {what} (no image is {verb}; the Python packages are installed)"
            if has_recipe
            else f"environment {title} (no image is {verb}; {_WORKSPACE})"
        )
    if content.os_type is not None and content.os_type.lower() != "linux":
        yield f"environment.os_type {content.os_type!r} (the agent's system is used)"
    if isinstance(content.conda_file, Mapping) and content.conda_file.get("variables"):
        yield "environment.conda_file.variables (write them as environment_variables)"
