"""What pip was told is said to uv."""

import os

import pytest

from mlflow_plugins.jobs.environments._pip_settings import pip_settings, uv_options, uv_settings


@pytest.fixture
def home(tmp_path):
    """The settings of a machine that has nothing else."""
    (tmp_path / ".config" / "pip").mkdir(parents=True)
    (tmp_path / ".config" / "uv").mkdir()
    return {"HOME": str(tmp_path), "PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}


def test_pip_conf_is_read(home, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "pip.conf").write_text(
        "[global]\n"
        "index-url = https://mirror.example/simple\n"
        f"extra-index-url =\n  https://more.example/simple\n  file://{tmp_path}/gone\n"
        f"find-links = {tmp_path}/there {tmp_path}/gone\n"
        "cert = /etc/ca.pem\n"
        "[install]\ntrusted-host = mirror.example more.example\n"
    )
    assert (
        uv_settings(home).items()
        >= {
            "UV_DEFAULT_INDEX": "https://mirror.example/simple",
            "UV_INDEX": "https://more.example/simple",
            "UV_FIND_LINKS": f"{tmp_path}/there",
            "UV_INDEX_STRATEGY": "unsafe-best-match",
            "SSL_CERT_FILE": "/etc/ca.pem",
            "UV_INSECURE_HOST": "mirror.example more.example",
        }.items()
    )


def test_variables_are_stronger_than_files(home, tmp_path):
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.example/simple\n")
    settings = uv_settings({**home, "PIP_INDEX_URL": "https://variable.example/simple"})
    assert settings["UV_DEFAULT_INDEX"] == "https://variable.example/simple"


def test_the_users_file_is_found(home, tmp_path):
    (tmp_path / ".config" / "pip" / "pip.conf").write_text("[global]\ntimeout = 7\n")
    assert pip_settings(home)["timeout"] == "7"
    assert pip_settings({**home, "PIP_CONFIG_FILE": os.devnull}) == {"config-file": os.devnull}


@pytest.mark.parametrize("name", ["UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX", "UV_FIND_LINKS"])
def test_what_uv_was_told_stands(home, name):
    variables = {**home, "PIP_INDEX_URL": "https://pip.example", "PIP_NO_INDEX": "1", name: "x"}
    assert "UV_DEFAULT_INDEX" not in uv_settings(variables)
    assert uv_options(variables) == []


def test_a_settings_file_of_uv_stands(home, tmp_path):
    variables = {**home, "PIP_INDEX_URL": "https://pip.example"}
    file = tmp_path / ".config" / "uv" / "uv.toml"
    file.write_text("concurrent-builds = 1\n")
    assert uv_settings(variables)["UV_DEFAULT_INDEX"] == "https://pip.example"
    file.write_text('[[index]]\nurl = "https://uv.example"\ndefault = true\n')
    assert "UV_DEFAULT_INDEX" not in uv_settings(variables)


def test_no_index_is_an_option(home):
    assert uv_options({**home, "PIP_NO_INDEX": "true"}) == ["--no-index"]
    assert uv_options(home) == []


def test_a_broken_file_is_pips_affair(home, tmp_path):
    (tmp_path / "pip.conf").write_text("no section\n")
    assert "UV_DEFAULT_INDEX" not in uv_settings(home)
