import copy

import pytest
import yaml

from automl import JobFileError
from automl._job_file import parse_job, read_job_file
from automl.job_type import to_command_job

BANK = yaml.safe_load("""
$schema: https://azuremlsdk2.blob.core.windows.net/preview/0.0.1/autoMLJob.schema.json
type: automl
experiment_name: bank
display_name: bank marketing
description: A classification job
compute: azureml:cpu-cluster
tags: {team: risk}
task: classification
primary_metric: AUC_weighted
log_verbosity: info
target_column_name: y
training_data: {path: "azureml:bank@latest", type: mltable}
test_data: {path: ./test, type: mltable}
n_cross_validations: 5
limits:
  timeout_minutes: 2.5
  max_trials: 40
  max_concurrent_trials: 5
  trial_timeout_minutes: 20
  enable_early_termination: true
  exit_score: 0.92
featurization: {mode: custom, blocked_transformers: [WordEmbedding]}
training:
  enable_model_explainability: true
  allowed_training_algorithms: [gradient_boosting, logistic_regression, KNN]
""")


def _changed(**changes):
    document = copy.deepcopy(BANK)
    for path, value in changes.items():
        *parents, name = path.split("__")
        section = document
        for parent in parents:
            section = section.setdefault(parent, {})
        section[name] = value
    return document


def test_fields_become_options():
    job = parse_job(BANK)
    assert (job.task, job.target, job.metric) == ("classification", "y", "roc_auc")
    assert job.timeout_seconds == 150.0
    assert job.options == {
        "task": "classification",
        "allowed": ["hist_gradient_boosting", "linear", "nearest_neighbours"],
        "ensemble": True,
        "n_cross_validations": 5,
        "max_trials": 40,
        "exit_score": 0.92,
        "early_stop": True,
        "trial_timeout_s": 1200.0,
    }
    assert job.data == {"training_data": "azureml:bank@latest", "test_data": "./test"}


def test_what_is_not_acted_on_is_said_in_one_sentence():
    warning = parse_job(BANK).warning()
    for name in (
        "log_verbosity",
        "featurization.blocked_transformers",
        "limits.max_concurrent_trials",
        "training.enable_model_explainability",
    ):
        assert name in warning
    assert warning.count("\n") == 0


def test_a_file_that_is_honoured_in_full_gives_no_warning():
    plain = {
        "type": "automl",
        "task": "regression",
        "target_column_name": "y",
        "training_data": "data.csv",
    }
    job = parse_job(plain)
    assert job.warning() is None
    assert job.metric == "auto"
    assert job.timeout_seconds == 3600.0


BAD_FILES = [
    (["list"], "holds fields, not a list"),
    (_changed(type="command"), "type must be 'automl'"),
    (_changed(task="text_ner"), "'text_ner' is not offered"),
    (_changed(task="forecasting"), "primary_metric.*for forecasting|forecasting is missing"),
    (_changed(forecasting__time_column_name="ds"), "forecasting belongs to the task forecasting"),
    (_changed(primary_metric="acuracy"), "primary_metric.*Did you mean 'accuracy'"),
    (_changed(primary_metric="r2_score"), "primary_metric.*for classification"),
    (
        _changed(target_colum_name="y"),
        "Unknown field 'target_colum_name'.*Did you mean 'target_col",
    ),
    (_changed(limits__timeout_minute=3), "Unknown field 'limits.timeout_minute'.*Did you mean"),
    (_changed(limits__timeout_minutes=0), "timeout_minutes must be above 0"),
    (_changed(limits__timeout_minutes="long"), "timeout_minutes must be a number"),
    (_changed(limits=[1]), "limits must hold fields"),
    (_changed(cv_split_column_names="s"), "cv_split_column_names must be a list"),
    (_changed(target_column_name=None), "target_column_name is missing"),
    (_changed(training_data=None), "training_data is missing"),
    (_changed(training_data={"type": "mltable"}), "training_data needs a path"),
    (_changed(featurization__mode="no"), "must be auto, custom or off"),
    (_changed(featurization__column_name_and_types={"a": "Numerical"}), "Did you mean 'numeric'"),
    (_changed(n_cross_validations=1), "n_cross_validations must be auto or a whole number"),
    (_changed(validation_data_size=20), "validation_data_size must be a share"),
    (_changed(training__allowed_training_algorithms=["LightGMB"]), "Did you mean 'lightgbm'"),
    (_changed(training__blocked_training_algorithms="KNN"), "must be a list"),
]


@pytest.mark.parametrize(("document", "message"), BAD_FILES)
def test_bad_files_are_refused(document, message):
    with pytest.raises(JobFileError, match=message):
        parse_job(document)
    with pytest.raises(JobFileError, match=message):
        to_command_job(document)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(JobFileError, match="cannot be read"):
        read_job_file(tmp_path / "none.yml")
    broken = tmp_path / "broken.yml"
    broken.write_text("a: [1")
    with pytest.raises(JobFileError, match="not valid YAML"):
        read_job_file(broken)


def test_the_command_job_holds_everything_that_is_needed():
    job = to_command_job(BANK)
    assert job["type"] == "command"
    assert job["command"] == "python -m automl automl.yml"
    assert job["inputs"] == {
        "training_data": {"type": "mltable", "path": "azureml:bank@latest"},
        "test_data": {"type": "mltable", "path": "./test"},
    }
    assert job["limits"] == {"timeout": 450}
    assert job["experiment_name"] == "bank"
    assert job["display_name"] == "bank marketing"
    assert job["compute"] == "azureml:cpu-cluster"
    assert job["tags"] == {"team": "risk"}
    assert job["environment_variables"] == {"OMP_WAIT_POLICY": "PASSIVE"}
    assert "log_verbosity" in job["warnings"][0]


def test_the_inner_file_means_the_same_once_paths_are_filled_in():
    text = to_command_job(BANK)["files"]["automl.yml"]
    for name in ("training_data", "test_data"):
        assert f"${{{{inputs.{name}}}}}" in text
        text = text.replace(f"${{{{inputs.{name}}}}}", f"/data/{name}")
    inner, outer = parse_job(yaml.safe_load(text)), parse_job(BANK)
    assert inner.options == outer.options
    assert inner.timeout_seconds == outer.timeout_seconds
    assert inner.data == {n: f"/data/{n}" for n in ("training_data", "test_data")}


def test_the_document_is_not_changed():
    before = copy.deepcopy(BANK)
    to_command_job(BANK)
    assert before == BANK


def test_types_of_columns_are_acted_on():
    types = {"age": "Numeric", "zip": "CategoricalHash", "when": "DateTime", "id": "Ignore"}
    job = parse_job(_changed(featurization__column_name_and_types=types))
    expected = {"age": "number", "zip": "category", "when": "date", "id": "ignore"}
    assert job.options["column_types"] == expected
    assert "featurization.column" not in job.warning()
    off = parse_job(_changed(featurization={"mode": "off"}))
    assert off.options["featurization"] == "off"
