import pytest

from mlflow_plugins.testing.contracts.job_backend import JobBackendContract


@pytest.mark.ray
@pytest.mark.usefixtures("ray_variables")
class TestRayBackend(JobBackendContract):
    target = "mlflow_plugins.jobs.backends.ray:RayBackend"
