"""Conda files in pip's language."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs.environments._conda import pip_versions, read_conda
from mlflow_plugins.jobs.environments._recipe import canonical_requirement
from mlflow_plugins.jobs.environments._requirements import Requirements

VERSIONS = st.lists(st.integers(0, 30), min_size=1, max_size=3).map(
    lambda parts: ".".join(map(str, parts))
)


def read(*dependencies, **fields):
    return read_conda({"dependencies": list(dependencies), **fields})


def test_a_conda_file_is_read():
    conda = read(
        "python=3.9",
        "numpy=1.21",
        "conda-forge::pytorch>=2.0,<3",
        "scikit-learn==1.5.0",
        "pip=21.2.4",
        {"pip": ["mlflow", "azureml-defaults==1.50.0"]},
        name="env",
        channels=["conda-forge", "defaults"],
    )
    assert conda.python == "==3.9.*"
    assert conda.requirements == (
        "numpy==1.21.*",
        "torch<3,>=2.0",
        "scikit-learn==1.5.0",
        "mlflow",
        "azureml-defaults==1.50.0",
    )
    assert conda.channels == ("conda-forge", "defaults")
    assert conda.pip == ("mlflow", "azureml-defaults==1.50.0")
    assert conda.dependencies[1] == "numpy=1.21"
    assert conda.unavailable == {}


@pytest.mark.parametrize(
    ("conda", "pip"),
    [
        ("", ""),
        ("*", ""),
        ("=*", ""),
        ("=1.21", "==1.21.*"),
        ("=1.21.*", "==1.21.*"),
        ("==1.21", "==1.21"),
        (" 1.21", "==1.21"),
        (" 1.21.*", "==1.21.*"),
        (" =1.21", "==1.21.*"),
        ("=1.21.2=py39h1_0", "==1.21.2"),
        (" 1.21.2 py39h1_0", "==1.21.2"),
        (">=1.2,<2.0a0", "<2.0a0,>=1.2"),
        (">=1.2.*", ">=1.2"),
        ("!=1.2", "!=1.2"),
        ("~=1.2", "~=1.2"),
        ("[version='>=1.2,<2']", "<2,>=1.2"),
        ("[version='1.2.*', build=py39_0]", "==1.2.*"),
    ],
)
def test_versions_are_translated(conda, pip):
    assert pip_versions(conda) == pip


@pytest.mark.property
@given(VERSIONS, VERSIONS)
def test_a_fuzzy_version_means_all_that_begin_so(asked, there):
    """Conda's rule: ``=1.2`` is every version whose first parts are 1 and 2."""
    parts = asked.split(".")
    begins = (there.split(".") + ["0"] * 3)[: len(parts)] == parts
    assert (Version(there) in SpecifierSet(pip_versions(f"={asked}"))) == begins


@pytest.mark.property
@given(st.lists(st.tuples(st.sampled_from([">=", "<", "!=", "=="]), VERSIONS), min_size=1))
def test_comparisons_mean_the_same_in_any_order(parts):
    texts = [f"{operator}{version}" for operator, version in parts]
    forwards, backwards = pip_versions(",".join(texts)), pip_versions(",".join(reversed(texts)))
    assert forwards == backwards


@pytest.mark.parametrize(
    "spec",
    ["r-base", "r-base=4.1", "cudatoolkit=11.8", "_libgcc_mutex=0.1", "conda-forge::libgcc-ng",
     "gcc_linux-64", "numpy=1.21|1.22", "openmpi", "cpuonly"],
)  # fmt: skip
def test_what_pip_cannot_give_is_told_apart(spec):
    conda = read("python=3.11", spec)
    assert list(conda.unavailable) == [spec]
    assert conda.requirements == ()


@pytest.mark.parametrize("name", ["librosa", "rasterio", "requests", "makefun", "tkinterdnd2"])
def test_python_packages_are_not_mistaken(name):
    assert read(name).requirements == (name,)


@pytest.mark.parametrize(("text", "versions"), [
    ("python", ""), ("python=3.9", "==3.9.*"), ("python==3.9", "==3.9.*"),
    ("python>=3.8,<3.11", "<3.11,>=3.8"), ("python=3.9.18", "==3.9.18.*"),
    ("python 3.9.*", "==3.9.*"),
])  # fmt: skip
def test_the_version_of_python(text, versions):
    assert read(text).python == versions


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"dependencies": ["numpy"], "chanels": []}, "Did you mean 'channels'"),
        ({"channels": ["x"]}, "a list of 'dependencies'"),
        ({"dependencies": [{"pip": "numpy"}]}, "with a list of texts"),
        ({"dependencies": [3]}, "3 is not a dependency"),
        ({"dependencies": ["="]}, "'=' is not a dependency"),
    ],
)
def test_what_is_wrong_is_refused(document, message):
    with pytest.raises(InvalidInput, match=message):
        read_conda(document)


@pytest.mark.property
@given(st.text(max_size=20), st.text(alphabet="=<>!~*.,|: 019ab[]'", max_size=12))
def test_any_text_is_read_or_refused(name, versions):
    try:
        conda = read(f"{name}{versions}")
    except InvalidInput:
        return
    assert len(conda.dependencies) == 1
    for one in conda.requirements:
        assert canonical_requirement(one, where="here")


@pytest.mark.property
@given(st.text(max_size=30))
def test_any_line_is_a_requirement_or_refused(text):
    read = Requirements()
    try:
        read.read_lines(text.splitlines(), folder=None, where="here")
    except InvalidInput:
        return
    again = Requirements()
    again.read_lines(read.requirements, folder=None, where="here")
    assert again.requirements == read.requirements
