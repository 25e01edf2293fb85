from mlflow_plugins.testing.contracts.job_backend import JobBackendContract


class TestLocalBackend(JobBackendContract):
    target = "mlflow_plugins.jobs.backends.local:LocalBackend"
