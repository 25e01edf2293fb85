"""Options of a deployment."""

import pytest

from mlflow_plugins.core import InvalidInput
from mlflow_plugins.deployments._config import ServingConfig, shown


def test_texts_become_values():
    config = ServingConfig.parse(
        {"port": "8080", "n_threads": "2", "request_timeout_seconds": "1.5", "env.TZ": "UTC"}
    )
    assert (config.port, config.n_threads, config.request_timeout_seconds) == (8080, 2, 1.5)
    assert config.environment == {"TZ": "UTC"}
    assert config.max_batch_rows is None


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("port", "80 80"),
        ("port", "65536"),
        ("n_threads", "0"),
        ("n_threads", "1.5"),
        ("max_queue", "many"),
        ("max_body_mib", "nan"),
        ("request_timeout_seconds", "0"),
        ("host", "http://x"),
        ("host", ""),
    ],
)
def test_a_value_that_breaks_its_rule_is_refused(option, text):
    with pytest.raises(InvalidInput, match=f"{option}.* is .*It must be "):
        ServingConfig.parse({option: text})


def test_an_unknown_option_is_refused_with_the_nearest_one():
    with pytest.raises(InvalidInput, match=r"'n_thread' .* Did you mean 'n_threads'\?"):
        ServingConfig.parse({"n_thread": "2"})
    with pytest.raises(InvalidInput, match=r"env\.NAME"):
        ServingConfig.parse({"env.": "x"})


def test_values_of_variables_are_not_shown():
    assert shown({"env.PASSWORD": "x", "port": "1"}) == {"env.PASSWORD": "***", "port": "1"}
