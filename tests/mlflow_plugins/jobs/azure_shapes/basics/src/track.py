from pathlib import Path

import mlflow

mlflow.log_param("word", "hello")
mlflow.log_metric("number", 1.5)
Path("hello.txt").write_text("hello")
mlflow.log_artifact("hello.txt")
