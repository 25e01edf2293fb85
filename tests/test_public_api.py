"""The public surface of every package is a sorted list of documented names."""

import importlib
import pkgutil

import pytest

import automl
import mlflow_plugins
import rai

PACKAGES = ["automl", "rai"] + [
    f"mlflow_plugins.{module.name}"
    for module in pkgutil.iter_modules(mlflow_plugins.__path__)
    if module.ispkg
]


@pytest.mark.parametrize("name", PACKAGES)
def test_the_surface_is_a_sorted_list_of_documented_names(name):
    package = importlib.import_module(name)
    assert package.__doc__
    surface = package.__all__
    assert surface == sorted(surface, key=lambda one: (not one.isupper(), one)), "sort __all__"
    for one in surface:
        value = getattr(package, one)
        if callable(value):
            assert value.__doc__, f"{name}.{one} has no docstring"


@pytest.mark.parametrize("package", [automl, rai, mlflow_plugins])
def test_types_are_published(package):
    from importlib.resources import files

    assert files(package).joinpath("py.typed").is_file()


def test_an_unknown_name_is_an_attribute_error():
    import mlflow_plugins.data

    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = mlflow_plugins.data.nothing
