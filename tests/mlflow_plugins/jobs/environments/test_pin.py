"""Pinning: every form that a file may have, and what is refused before anything is stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

from mlflow_plugins.core import InvalidInput, NotFound
from mlflow_plugins.jobs._explain import validate
from mlflow_plugins.jobs.environments import Environment, PinnedEnvironment, apply, pin
from mlflow_plugins.jobs.environments._makers import UvMaker
from mlflow_plugins.jobs.environments._pin import pin_content
from mlflow_plugins.jobs.environments._policy import Policy
from mlflow_plugins.jobs.environments._recipe import digest

CONDA = """
# what the model needs
name: model-env
channels: [conda-forge]
dependencies:
  - python=3.11  # as in production
  - numpy=1.26
  - pip
  - pip:
      - mlflow>=3
      - --extra-index-url https://example.org/simple
      - -r more.txt
"""


@pytest.fixture
def pin_here(store, tmp_path):
    def pin_here(environment, **variables):
        content = Environment.model_validate(environment)
        return pin(content, store, base_folder=tmp_path, variables=variables)

    return pin_here


def test_no_environment_is_the_workspaces(store, tmp_path):
    assert pin(None, store, base_folder=tmp_path).document() == {}


def test_a_conda_file_is_whole_after_pinning(pin_here, tmp_path):
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "conda.yml").write_text(CONDA)
    (tmp_path / "env" / "more.txt").write_text("Tiny_Package == 1.0  # pinned\n\n")
    pinned = pin_here({"conda_file": "env/conda.yml"})
    assert pinned.title == "conda.yml"
    assert pinned.not_applied == ()
    assert pinned.recipe.python == "==3.11.*"
    assert pinned.recipe.requirements == ("mlflow>=3", "numpy==1.26.*", "tiny-package==1.0")
    assert pinned.recipe.options == ("--extra-index-url https://example.org/simple",)
    assert pinned.recipe.conda.dependencies == ("numpy=1.26", "pip", "python=3.11")
    assert PinnedEnvironment.model_validate(pinned.document()) == pinned


def test_an_image_is_named_and_its_packages_are_installed(pin_here):
    dependencies = {"dependencies": ["python=3.11", "numpy"]}
    pinned = pin_here({"image": "mcr.microsoft.com/azureml/base", "conda_file": dependencies})
    assert pinned.recipe.requirements == ("numpy",)
    [words] = pinned.not_applied
    assert "image 'mcr.microsoft.com/azureml/base'" in words
    assert "the Python packages are installed" in words


@pytest.mark.parametrize(
    ("environment", "title"),
    [
        ({"image": "library/python:3.11.6"}, "image library/python:3.11.6"),
        ({"image": "docker.io/python"}, "image docker.io/python"),
        ("azureml:AzureML-sklearn-1.0-ubuntu20.04-py38-cpu@latest",
         "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu@latest"),
        ("azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
         "sklearn-1.5@latest"),
        ("azureml://registries/azureml/environments/sklearn-1.5/versions/19", "sklearn-1.5@19"),
        ("azureml://registries/azureml/environments/sklearn-1.5", "sklearn-1.5@latest"),
    ],
)  # fmt: skip
def test_what_only_azure_has_is_one_warning(pin_here, environment, title):
    pinned = pin_here(environment)
    assert pinned.recipe is None
    assert pinned.title == title
    [words] = pinned.not_applied
    assert words.startswith(f"environment {title} (")
    assert words.endswith("the workspace's own environment is used)")


def test_a_docker_context_says_what_could_be_installed(pin_here, tmp_path):
    context = tmp_path / "context"
    context.mkdir()
    with pytest.raises(InvalidInput, match="no file 'Dockerfile' in the folder"):
        pin_here({"build": {"path": "context"}})
    (context / "Dockerfile").write_text("FROM python:3.11\n")
    (context / "requirements.txt").write_text("tiny\n")
    pinned = pin_here({"build": {"path": "context"}})
    assert pinned.recipe is None
    assert pinned.not_applied[0].startswith("environment Docker build context (no image is built")
    assert pinned.not_applied[1].startswith("requirements: context/requirements.txt would install")


def test_what_is_left_out_is_said(pin_here):
    conda = {"dependencies": ["numpy"], "variables": {"A": "b"}}
    words = pin_here({"conda_file": conda, "os_type": "Windows"}).not_applied
    assert [one.split(" ")[0] for one in words] == [
        "environment.os_type",
        "environment.conda_file.variables",
    ]


def test_our_own_form(pin_here, tmp_path):
    (tmp_path / "requirements.txt").write_text("b==1 \\\n  --hash=sha256:22\na\n")
    pinned = pin_here({"python": 3.11, "requirements": "requirements.txt"})
    assert pinned.recipe.python == "==3.11.*"
    assert pinned.recipe.requirements == ("a", "b==1 --hash=sha256:22")
    assert pin_here({"requirements": ["b", "a"]}).recipe.requirements == ("a", "b")


def test_an_environment_file_is_named(pin_here, tmp_path):
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "e.yml").write_text("name: mine\nimage: x\nconda_file: conda.yml\n")
    (tmp_path / "env" / "conda.yml").write_text("dependencies: [tiny]\n")
    pinned = pin_here("file:./env/e.yml")
    assert (pinned.title, pinned.recipe.requirements) == ("mine", ("tiny",))
    with pytest.raises(InvalidInput, match="environment: there is no file"):
        pin_here("file:no.yml")
    (tmp_path / "list.yml").write_text("[1]\n")
    with pytest.raises(InvalidInput, match="is not an environment file"):
        pin_here("file:list.yml")


def test_an_assets_version_is_fixed(pin_here, client, store, tmp_path, unique_name):
    document = {"name": unique_name, "requirements": ["tiny==1.0"]}
    apply(client, document, base_folder=tmp_path)
    pinned = pin_here(f"azureml:{unique_name}@latest")
    apply(client, {**document, "requirements": ["tiny==2.0"]}, base_folder=tmp_path)
    assert pinned.title == f"{unique_name}:1"
    assert pinned.recipe.requirements == ("tiny==1.0",)
    assert pin_here(f"azureml:{unique_name}").recipe.requirements == ("tiny==2.0",)
    assert pin_here(f"azureml:{unique_name}:1").recipe == pinned.recipe


def test_an_asset_of_ours_comes_before_azures(pin_here, client, tmp_path, unique_name):
    name = f"AzureML-{unique_name}"
    apply(client, {"name": name, "requirements": ["tiny"]}, base_folder=tmp_path)
    assert pin_here(f"azureml:{name}@latest").recipe.requirements == ("tiny",)


def test_a_policy_of_the_job(pin_here):
    chosen = pin_here({"requirements": ["a"]}, MLFLOW_STUDIO_ENVIRONMENT="compatible")
    assert chosen.policy is Policy.COMPATIBLE
    none = pin_here({"requirements": ["a"]}, MLFLOW_STUDIO_ENVIRONMENT="workspace")
    assert none.recipe is None
    assert "policy is 'workspace'" in none.not_applied[0]
    with pytest.raises(InvalidInput, match=r"is 'exakt'. It must be one of.*Did you mean 'exact'"):
        pin_here({"requirements": ["a"]}, MLFLOW_STUDIO_ENVIRONMENT="exakt")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ("sklearn", "'sklearn' is not a reference to an environment"),
        ({"conda_file": "no.yml"}, "no file '.*no.yml'"),
        ({"conda_file": {"dependencies": ["numpy", {"pip": ["-e ."]}]}}, "a place on one machine"),
        ({"requirements": ["./local.whl"]}, "a place on one machine"),
        ({"requirements": ["x @ file:///x.whl"]}, "a file of one machine"),
        ({"requirements": ["https://example.org/x.whl"]}, "has no name. Write 'NAME @ URL'"),
        ({"requirements": ["numpy=1.21"]}, "'numpy=1.21' is not a requirement"),
        ({"requirements": ["--user"]}, "the option '--user' is not known"),
        ({"requirements": "no.txt"}, "requirements: there is no file"),
        ({"python": "three"}, "'three' is not a version of Python"),
    ],
)
def test_what_is_wrong_is_refused(pin_here, environment, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        pin_here(environment)
    assert caught.value.message.startswith("Field 'environment': ")


def test_an_unknown_asset_is_not_found(pin_here):
    with pytest.raises(NotFound, match="no environment asset 'never-made'"):
        pin_here("azureml:never-made:1")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            {"imag": "x"},
            "of an environment are.*Did you mean 'image'",
        ),
        ({"image": "x", "build": {"path": "."}}, "both an image and a build"),
        ({"conda_file": "c.yml", "python": "3.11"}, "a conda_file beside python"),
        ({"reference": "azureml:x:1", "image": "y"}, "both a reference and image"),
        ({"name": "x"}, "says nothing to use"),
        ({"python": 3.1}, "YAML reads 3.10 as the number 3.1"),
        ({"image": "x", "os_type": "beos"}, "Field 'os_type'"),
        ({"build": {"dockerfile": "x"}}, "'build.dockerfile' is unknown.*'dockerfile_path'"),
    ],
)
def test_a_wrong_document_is_explained(document, message):
    with pytest.raises(InvalidInput, match=message):
        validate(Environment, document, what="environment")


# ---------------------------------------------------------------- the hash

REQUIREMENTS = st.lists(
    st.tuples(
        st.sampled_from(["numpy", "Pandas", "scikit_learn", "tiny.package", "zope-x"]),
        st.sampled_from(["", "==1.0", ">=1, <2", "~=1.4", "[extra]==2.*"]),
    ).map("".join),
    unique_by=lambda one: one[:4],
    max_size=5,
)


@pytest.mark.property
@given(requirements=REQUIREMENTS, shuffler=st.randoms(use_true_random=False))
def test_order_spelling_and_comments_do_not_change_the_hash(requirements, shuffler):
    shuffled = [f"{one}  # a comment" for one in requirements]
    shuffler.shuffle(shuffled)
    lines = [one.upper() if "extra" not in one else one for one in shuffled]
    recipes = [
        pin_content(Environment.model_validate({"conda_file": document})).recipe
        for document in (
            {"channels": ["c"], "dependencies": ["python=3.11", {"pip": requirements}]},
            {"name": "n", "dependencies": [{"pip": lines}, "python=3.11"], "channels": ["c"]},
        )
    ]
    assert recipes[0].requirements == recipes[1].requirements
    assert recipes[0].model_dump(exclude={"conda"}) == recipes[1].model_dump(exclude={"conda"})


@pytest.mark.property
@given(requirements=REQUIREMENTS.filter(bool), position=st.integers(0, 100))
def test_a_pin_changes_the_hash(requirements, position):
    changed = list(requirements)
    at = position % len(changed)
    changed[at] = f"{Requirement(changed[at]).name}==9.9.9"
    before, after = (
        pin_content(Environment.model_validate({"requirements": lines})).recipe
        for lines in (requirements, changed)
    )
    assert digest(before.model_dump()) != digest(after.model_dump())


def test_the_hash_says_what_is_made(host, pinned):
    def key(recipe):
        return UvMaker("x", recipe, Policy.EXACT, host).key

    one = key(pinned(requirements=["b", "a==1"]).recipe)
    assert one == key(pinned(requirements=["a == 1  # why", "b"]).recipe)
    others = [
        key(pinned(requirements=lines).recipe)
        for lines in (["b", "a==2"], ["b"], ["b", "a==1", "--pre"])
    ]
    assert len({one, *others}) == 4
