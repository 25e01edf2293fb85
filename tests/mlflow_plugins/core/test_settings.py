"""Settings from the environment."""

from dataclasses import fields

import pytest

from mlflow_plugins.core import InvalidInput, Settings


def test_defaults_without_variables():
    assert Settings.from_environment({"PATH": "/bin", "MLFLOW_STUDIO_UNKNOWN": "x"}) == Settings()


def test_every_setting_can_be_set():
    environment = {f"MLFLOW_STUDIO_{field.name.upper()}": "7" for field in fields(Settings)}
    settings = Settings.from_environment(environment)
    assert {getattr(settings, field.name) for field in fields(Settings)} == {7}
    assert type(settings.max_jobs) is int
    assert type(settings.poll_seconds) is float


@pytest.mark.parametrize("text", ["0", "-1", "soon", "", "nan", "inf"])
def test_what_is_no_positive_number_is_refused(text: str):
    with pytest.raises(InvalidInput, match=r"MLFLOW_STUDIO_POLL_SECONDS is .* positive number"):
        Settings.from_environment({"MLFLOW_STUDIO_POLL_SECONDS": text})


def test_whole_numbers_stay_whole():
    with pytest.raises(InvalidInput, match=r"MLFLOW_STUDIO_MAX_JOBS is '1\.5'"):
        Settings.from_environment({"MLFLOW_STUDIO_MAX_JOBS": "1.5"})
