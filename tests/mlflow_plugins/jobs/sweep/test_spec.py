"""Sweep job files: what is read, and what is refused with which words."""

import pytest
import yaml

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs._spec import parse_command_job
from mlflow_plugins.jobs.sweep.job_type import SWEEP_FILE, to_command_job

FILE = """
$schema: https://azuremlschemas.azureedge.net/latest/sweepJob.schema.json
type: sweep
trial:
  code: src
  command: >-
    python main.py --data ${{inputs.data}} --C ${{search_space.C}} --out ${{outputs.model}}
    $[[--depth ${{inputs.depth}}]]
  environment: azureml:sklearn@latest
  environment_variables: {LEVEL: 3}
  distribution: {type: mpi, process_count_per_instance: 1}
  resources: {instance_count: 2}
inputs:
  data: {type: uri_file, path: azureml:iris@latest, mode: ro_mount}
  depth: {type: integer, optional: true}
outputs:
  model: {name: best, version: 1}
sampling_algorithm: {type: random, rule: sobol, logbase: e}
search_space:
  C: {type: uniform, min_value: 0.5, max_value: 0.9}
  kernel: {type: choice, values: [rbf, linear]}
objective: {goal: Maximize, primary_metric: accuracy}
early_termination:
  {type: truncation_selection, truncation_percentage: 10, exclude_finished_jobs: true,
   evaluation_interval: 2, delay_evaluation: 5}
limits: {max_total_trials: 20, max_concurrent_trials: 10, timeout: 7200, trial_timeout: 600}
compute: azureml:cpu-cluster
resources: {instance_type: big}
queue_settings: {job_tier: Spot}
identity: {type: managed}
tags: {team: red}
experiment_name: e
display_name: d
description: x
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("")
    return tmp_path


def convert(folder, **changes):
    document = {**yaml.safe_load(FILE), **changes}
    return to_command_job(
        {key: value for key, value in document.items() if value is not None}, folder
    )


def refuse(folder, match, **changes):
    with pytest.raises(InvalidInput, match=match):
        convert(folder, **changes)


def test_a_sweep_becomes_a_coordinator(folder):
    document = convert(folder)
    job = parse_command_job(document)
    assert job.coordinator
    assert job.command.endswith(f"sweep {SWEEP_FILE} --output model=${{{{outputs.model}}}}")
    assert job.code == str(folder / "src")
    assert set(job.inputs) == {"data", "depth"}
    assert job.outputs["model"].name == "best"
    assert (job.display_name, job.experiment_name, job.compute) == ("d", "e", "azureml:cpu-cluster")
    told = " ".join(job.warnings)
    for field in ("queue_settings", "identity", "instance_count"):
        assert field in told
    assert job.environment is not None, "it is fixed once, for all trials"
    inner = yaml.safe_load(job.files[SWEEP_FILE])
    assert "${{search_space.C}}" in inner["trial"]["command"]
    assert isinstance(inner["sampling_algorithm"]["seed"], int)
    assert convert(folder, sampling_algorithm={"type": "random", "seed": 3})["files"] == {
        SWEEP_FILE: yaml.safe_dump(
            {**inner, "sampling_algorithm": {"type": "random", "seed": 3}}, sort_keys=False
        )
    }


@pytest.mark.parametrize(
    ("match", "changes"),
    [
        (r"Field 'trial' is missing", {"trial": None}),
        (r"'trial\.command' is missing\. 'trial' needs it", {"trial": {"code": "src"}}),
        (r"'trial\.comand' is unknown.*'command'", {"trial": {"command": "x", "comand": "y"}}),
        (
            r"\$\{\{search_space\.D\}\}, which is not.*Did",
            {"trial": {"command": "${{search_space.D}}"}},
        ),
        (
            r"sampling_algorithm\.type' is 'randm'.*bayesian.*'random'",
            {"sampling_algorithm": "randm"},
        ),
        (
            r"'sampling_algorithm\.rul' is unknown.*type, rule, seed, logbase\..*'rule'",
            {"sampling_algorithm": {"type": "random", "rul": "sobol"}},
        ),
        (
            r"'search_space\.C\.min' is unknown. The fields of 'search_space\.C' are: min_value",
            {"search_space": {"C": {"type": "uniform", "min": 1, "max_value": 2}}},
        ),
        (
            r"'search_space\.C\.type' is 'unifrm'.*'uniform'",
            {"search_space": {"C": {"type": "unifrm"}}},
        ),
        (r"'search_space\.C\.type' is missing", {"search_space": {"C": {"min_value": 1}}}),
        (
            r"'search_space\.C': min_value is 2 and max_value 1",
            {"search_space": {"C": {"type": "uniform", "min_value": 2, "max_value": 1}}},
        ),
        (
            r"'search_space\.C\.q'.*greater than 0",
            {"search_space": {"C": {"type": "quniform", "min_value": 1, "max_value": 2, "q": 0}}},
        ),
        (
            r"'search_space\.C' is 'uniform'.*'grid' takes choice only",
            {"sampling_algorithm": "grid"},
        ),
        (
            r"'search_space\.C' is 'normal'.*'bayesian' takes choice, quniform, uniform only",
            {
                "sampling_algorithm": "bayesian",
                "search_space": {"C": {"type": "normal", "mu": 0, "sigma": 1}},
            },
        ),
        (
            r"'search_space\.C' has mappings as values",
            {
                "sampling_algorithm": "bayesian",
                "search_space": {"C": {"type": "choice", "values": [{"a": 1}]}},
            },
        ),
        (r"one of 'objective' and 'objectives'", {"objective": None}),
        (
            r"'objectives' names a metric twice",
            {"objective": None, "objectives": [{"goal": "minimize", "primary_metric": "m"}] * 2},
        ),
        (
            r"'early_termination': trials can be ended early only by one objective",
            {
                "objective": None,
                "objectives": [{"goal": "minimize", "primary_metric": m} for m in "ab"],
            },
        ),
        (r"'early_termination' and 'pruner'", {"pruner": "MedianPruner"}),
        (r"'objective\.goal'", {"objective": {"goal": "more", "primary_metric": "m"}}),
        (
            r"'early_termination\.type' is 'bandt'.*'bandit'",
            {"early_termination": {"type": "bandt"}},
        ),
        (
            r"'early_termination': a bandit policy needs one of",
            {"early_termination": {"type": "bandit"}},
        ),
        (
            r"'early_termination\.truncation_percentage'.*less than or equal to 99",
            {"early_termination": {"type": "truncation_selection", "truncation_percentage": 100}},
        ),
        (r"'limits\.max_total_trials'.*1000", {"limits": {"max_total_trials": 1001}}),
        (r"'limits\.max_trials' is unknown", {"limits": {"max_trials": 3}}),
        (
            r"'sampling_algorithm\.sampler' is 'TPSampler'.*'TPESampler'",
            {"sampling_algorithm": {"type": "optuna", "sampler": "TPSampler"}},
        ),
        (
            r"'sampling_algorithm\.args': TPESampler refuses it: .*n_trees",
            {"sampling_algorithm": {"type": "optuna", "args": {"n_trees": 3}}},
        ),
        (
            r"'pruner\.name' is 'Median'.*MedianPruner",
            {"early_termination": None, "pruner": "Median"},
        ),
    ],
)
def test_a_wrong_sweep_is_refused_with_the_field(folder, match, changes):
    refuse(folder, match, **changes)


COMPONENT = """
type: command
name: train
version: 1
inputs:
  data: {type: uri_folder}
  C: {type: number, default: 1.0}
  kernel: {type: string, default: rbf}
  tol: {type: number, default: 0.001}
  depth: {type: integer, optional: true}
outputs:
  model: {type: mlflow_model}
code: ./code
environment: azureml:sklearn@latest
command: >-
  python train.py --data ${{inputs.data}} --C ${{inputs.C}} --tol ${{ inputs.tol }}
  --kernel ${{inputs.kernel}} $[[--depth ${{inputs.depth}}]] --model ${{outputs.model}}
"""


@pytest.mark.parametrize("trial", ["parts/train.yml", "./parts/train.yml", "file:parts/train.yml"])
def test_the_trial_may_be_a_component(folder, trial):
    (folder / "parts" / "code").mkdir(parents=True)
    (folder / "parts" / "train.yml").write_text(COMPONENT)
    job = parse_command_job(convert(folder, trial=trial, inputs={"data": "azureml:iris:1"}))
    assert job.code == str(folder / "parts" / "code")
    assert job.inputs["data"].path == "azureml:iris:1"
    assert job.inputs["data"].type == "uri_folder"
    assert job.inputs["tol"].value == 0.001
    assert job.inputs["depth"].optional
    assert (job.outputs["model"].type, job.outputs["model"].name) == ("mlflow_model", "best")
    assert set(job.inputs) == {"data", "tol", "depth"}  # C and kernel are drawn
    command = yaml.safe_load(job.files[SWEEP_FILE])["trial"]["command"]
    assert "--C ${{search_space.C}} --tol ${{ inputs.tol }}" in command
    refuse(folder, r"'inputs\.dat'.*no input 'dat'.*'data'", trial=trial, inputs={"dat": 1})
    refuse(folder, r"needs the input 'data'", trial=trial, inputs={})


def test_a_component_that_is_not_there_or_wrong_is_named(folder):
    refuse(folder, r"'trial' is 'azureml:train:1', a registered component", trial="azureml:train:1")
    refuse(folder, r"Field 'trial' .*There is no file", trial="nowhere.yml")
    (folder / "x.yml").write_text("type: command\ncomand: y\n")
    refuse(folder, r"Field 'trial' .*x\.yml(.|\n)*'comand' is unknown", trial="x.yml")
