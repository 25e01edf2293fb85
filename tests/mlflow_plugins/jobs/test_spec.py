import json
from pathlib import Path

import pytest

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.jobs._fields import (
    Identity,
    Input,
    Limits,
    MpiDistribution,
    NotificationSetting,
    Output,
    PyTorchDistribution,
    QueueSettings,
    RayDistribution,
    Resources,
    Service,
    TensorFlowDistribution,
)
from mlflow_plugins.jobs._spec import (
    CommandJob,
    not_applied,
    override_inputs,
    parse_command_job,
)


def job(**fields):
    return parse_command_job({"command": "true", **fields})


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, r"Field 'command' is missing"),
        ({"command": ""}, r"Field 'command'.*at least 1 character"),
        ({"command": "x", "comand": "y"}, r"'comand' is unknown.*Did you mean 'command'\?"),
        (
            {"command": "x", "limits": {"timout": 3}},
            r"'limits\.timout' is unknown. The fields of 'limits' are: timeout\..*'timeout'\?",
        ),
        ({"command": "x", "limits": {"timeout": -1}}, r"'limits\.timeout'.*\(got -1\)"),
        (
            {"command": "x", "outputs": {"o": {"tpye": "uri_file"}}},
            r"'outputs\.o\.tpye' is unknown.*Did you mean 'type'\?",
        ),
        (
            {"command": "x", "inputs": {"i": {"paht": "p", "path": "q"}}},
            r"'inputs\.i\.paht' is unknown.*Did you mean 'path'\?",
        ),
        ({"command": "x", "inputs": {"i": {}}}, r"'inputs\.i'.*neither a path nor a value"),
        (
            {"command": "x", "inputs": {"i": {"type": "url_file", "path": "p"}}},
            r"'inputs\.i\.type'",
        ),
        ({"command": "x", "inputs": {"a b": 1}}, r"'inputs\.a b'"),
        ({"command": "x ${{inputs.a}}"}, r"'command' uses \$\{\{inputs\.a\}\}.*not defined"),
        ({"command": "x", "environment_variables": {"A": [1]}}, r"'environment_variables\.A'"),
        ({"command": "x", "environment": 3}, r"^Field 'environment': [^\n]*$"),
        ({"command": "x", "environment": {"imag": "y"}}, r"'environment\.imag'.*'image'"),
        ({"command": "x", "environment": {}}, r"'environment': says nothing to use"),
    ],
)
def test_a_wrong_document_is_refused_with_the_field(document, message):
    with pytest.raises(InvalidInput, match=message):
        parse_command_job(document)


def test_all_errors_come_at_once():
    with pytest.raises(InvalidInput) as caught:
        parse_command_job({"comand": "x", "limits": {"timeout": "soon"}})
    assert len(caught.value.message.splitlines()) == 3


def test_the_format_is_read():
    one = job(
        **{
            "$schema": "https://azuremlschemas.azureedge.net/latest/commandJob.schema.json",
            "inputs": {
                "rate": 0.1,
                "n": 3,
                "flag": True,
                "word": "rbf",
                "table": {"type": "uri_file", "path": "azureml:adult@latest"},
                "absent": {"type": "number", "optional": True},
            },
            "outputs": {"model": None},
            "environment_variables": {"DEPTH": 3, "FAST": True},
            "tags": {"round": 1},
            "code": None,
        }
    )
    assert one.inputs["flag"].value is True
    assert one.inputs["n"].value == 3
    assert isinstance(one.inputs["n"].value, int)
    assert one.outputs["model"].type == "uri_folder"
    assert one.environment_variables == {"DEPTH": "3", "FAST": "true"}
    assert one.tags == {"round": "1"}


def test_what_is_not_applied_is_listed():
    words = not_applied(
        job(
            compute="azureml:cpu-cluster",
            resources={"instance_type": "very-large", "instance_count": 4},
            distribution={"type": "ray"},
            services={"my_vscode": {"type": "vs_code"}},
            queue_settings={"job_tier": "spot"},
            identity={"type": "aml_token"},
            notification_setting={"emails": ["a@example.com"]},
            outputs={"o": {"name": "m", "version": 3, "type": "mlflow_model"}},
            inputs={"i": {"path": "p", "mode": "rw_mount", "path_on_compute": "/data"}},
        ),
        has_compute=False,
    )
    for field in (
        "compute 'azureml:cpu-cluster'",
        "resources.instance_type 'very-large'",
        "resources.instance_count 4",
        "distribution",
        "services",
        "queue_settings",
        "identity",
        "notification_setting",
        "outputs.o.version '3'",
        "inputs.i.mode",
        "inputs.i.path_on_compute",
    ):
        assert sum(one.startswith(field) for one in words) == 1, field


def test_nothing_is_missing_from_a_plain_job():
    plain = job(
        compute="azureml:here",
        limits={"timeout": 3},
        resources={"instance_type": "Standard_D2_v3"},
        queue_settings={"job_tier": "Standard", "priority": "High"},
        retry_settings={"max_retries": 2},
    )
    assert not_applied(plain, has_compute=True) == []
    assert plain.queue_settings.priority == "high"


FIELDS = json.loads(Path(__file__).with_name("azure_fields.json").read_text(encoding="utf-8"))


MODELS = {
    "command job": CommandJob,
    "input": Input,
    "output": Output,
    "mpi": MpiDistribution,
    "pytorch": PyTorchDistribution,
    "tensorflow": TensorFlowDistribution,
    "ray": RayDistribution,
    "queue settings": QueueSettings,
    "resources": Resources,
    "limits": Limits,
    "service": Service,
    "identity": Identity,
    "notification": NotificationSetting,
}


@pytest.mark.parametrize("part", FIELDS["schemas"])
def test_every_field_of_azures_own_schemas_is_known(part):
    assert set(FIELDS["schemas"][part]) <= set(MODELS[part].model_fields)


@pytest.mark.parametrize(
    "distribution",
    [
        {"type": "PyTorch", "process_count_per_instance": 4},
        {"type": "mpi", "process_count_per_instance": 2},
        {"type": "tensorflow", "worker_count": 2, "parameter_server_count": 1},
        {"type": "ray", "port": 6379, "include_dashboard": True},
    ],
)
def test_a_distribution_is_what_its_type_says(distribution):
    one = job(distribution=distribution).distribution
    assert one.model_dump(exclude_defaults=True) == {
        **distribution,
        "type": distribution["type"].lower(),
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"distribution": {"type": "horovod"}}, r"'distribution.type' is 'horovod'"),
        (
            {"distribution": {"type": "mpi", "worker_count": 2}},
            r"'distribution\.(mpi\.)?worker_count' is unknown.*process_count_per_instance",
        ),
        ({"queue_settings": {"priority": "urgent"}}, r"'queue_settings\.priority'.*'urgent'"),
        ({"inputs": {"i": {"path": "p", "mode": "mount"}}}, r"'inputs\.i\.mode'.*'mount'"),
        ({"inputs": {"i": {"value": 1, "datastore": "d"}}}, r"'inputs\.i'.*has a datastore"),
        ({"services": {"s": {"type": "jupyter"}}}, r"'services\.s\.type'.*jupyter_lab"),
    ],
)
def test_a_word_that_azure_does_not_know_is_refused(fields, message):
    with pytest.raises(InvalidInput, match=message):
        job(**fields)


def test_a_path_can_count_from_a_datastore():
    given = job(inputs={"i": {"datastore": "azureml:workspaceblobstore", "path": "/a/b.csv"}})
    assert given.inputs["i"].address == "azureml://datastores/workspaceblobstore/paths/a/b.csv"


DOCUMENT = {
    "command": "x",
    "inputs": {
        "rate": 0.1,
        "n": 3,
        "flag": False,
        "word": "rbf",
        "table": {"type": "uri_file", "path": "a.csv"},
        "depth": {"type": "integer", "optional": True},
    },
}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("rate", "1e-3", 0.001),
        ("n", "5", 5),
        ("n", "0.5", 0.5),
        ("flag", "True", True),
        ("word", "12", "12"),
        ("table", "b.csv", {"type": "uri_file", "path": "b.csv"}),
        ("depth", "4", {"type": "integer", "optional": True, "value": 4}),
        ("rate", 2, 2),
    ],
)
def test_an_override_has_the_kind_of_the_input(name, text, expected):
    value = override_inputs(DOCUMENT, {name: text})["inputs"][name]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("rte", "1", r"no input 'rte'.*Did you mean 'rate'\?"),
        ("n", "many", r"'n' is a number in this job; 'many' is not"),
        ("flag", "yes", r"'flag' is true or false"),
        ("depth", "1.5", r"'depth' is an integer"),
    ],
)
def test_a_wrong_override_is_refused(name, text, message):
    with pytest.raises(InvalidInput, match=message):
        override_inputs(DOCUMENT, {name: text})
