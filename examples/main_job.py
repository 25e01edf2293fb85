"""The main job, end to end, on real data: from a table of people to a scored endpoint.

Starts a workspace, stores the Adult census data as data assets, lets AutoML find a model in 60
seconds, assesses it by sex and race, registers it, deploys it, and scores five rows over HTTP. Each
step goes through a door that a user would take. Run it again: everything gets a version 2.

    make demo
"""

import argparse
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
NAME = "adult-income"
TARGET = "income"
SENSITIVE = ["sex", "race"]
START_SECONDS = 180.0


class StepFailed(Exception):
    """A step did not do its work."""


class Steps:
    """Prints one line when a step begins and one when it has done its work."""

    def __init__(self, n_steps: int) -> None:
        self._n_steps, self._done = n_steps, 0
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def step(self, title: str) -> Iterator[None]:
        self._done += 1
        print(f"\n[{self._done}/{self._n_steps}] {title} …", flush=True)
        begin = time.monotonic()
        yield
        self.seconds[title] = time.monotonic() - begin
        print(f"[{self._done}/{self._n_steps}] {title}: {self.seconds[title]:.1f} s", flush=True)


def main() -> int:
    options = read_options()
    steps = Steps(8)
    begin = time.monotonic()
    with steps.step("Start the workspace"):
        process, uri = start_workspace(options.folder, options.port)
    try:
        os.environ["MLFLOW_TRACKING_URI"] = uri
        run_path(steps, uri, options.time_budget)
        print(f"\nThe main job took {time.monotonic() - begin:.0f} s.")
        print(f"Studio     {uri}/studio/\nMLflow UI  {uri}/")
        if sys.stdin.isatty() and sys.stdout.isatty():
            print("The studio goes on running. Press Ctrl-C to stop it.")
            with contextlib.suppress(KeyboardInterrupt):
                process.wait()
    except (StepFailed, KeyboardInterrupt) as error:
        print(f"\nThe main job failed: {error}", file=sys.stderr)
        return 1
    finally:
        stop_workspace(process)
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("mlflow-studio"))
    parser.add_argument("--port", type=int, help="5000, or another one if that is in use")
    parser.add_argument("--time-budget", type=float, default=60.0, help="AutoML's, in seconds")
    return parser.parse_args()


def run_path(steps: Steps, uri: str, time_budget_s: float) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    mlflow.set_tracking_uri(uri)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    try:
        with steps.step("Store the data as data assets"):
            holdout = store_data(pd.read_parquet(HERE / "data" / "adult.parquet"))
        with steps.step(f"AutoML for {time_budget_s:.0f} s"):
            run_id, model_uri = run_automl(time_budget_s)
        with steps.step("Look at the leaderboard and the holdout"):
            show_leaderboard(run_id, model_uri, holdout)
        with steps.step("Assess the model by sex and race"):
            assess(model_uri, holdout)
        with steps.step("Register the model"):
            version = mlflow.register_model(model_uri, NAME).version
            print(f"models:/{NAME}/{version}")
        with steps.step("Deploy it to an endpoint"):
            deploy(f"models:/{NAME}/{version}")
        with steps.step("Score five rows over HTTP"):
            score_over_http(holdout.drop(columns=[TARGET]).head(5))
    except MlflowException as error:
        raise StepFailed(error.message) from error


def start_workspace(folder: Path, port: int | None) -> "tuple[subprocess.Popen[bytes], str]":
    from mlflow_plugins.core.processes import free_port, is_port_free

    chosen = port or (5000 if is_port_free("127.0.0.1", 5000) else free_port())
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "mlflow_plugins.cli",
            "up",
            "--folder",
            folder,
            "--port",
            str(chosen),
        ],
        start_new_session=True,
    )
    uri = f"http://127.0.0.1:{chosen}"
    for _ in range(int(START_SECONDS * 2)):
        if process.poll() is not None:
            raise SystemExit("The workspace did not start.")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{uri}/health", timeout=5):
            return process, uri
        time.sleep(0.5)
    stop_workspace(process)
    raise SystemExit(f"The workspace did not answer within {START_SECONDS:.0f} s.")


def stop_workspace(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def store_data(frame: pd.DataFrame) -> pd.DataFrame:
    """Store three quarters for training and the rest for testing; return the rest."""
    from sklearn.model_selection import train_test_split

    from mlflow_plugins.core import AssetStore, connect
    from mlflow_plugins.data import create_data_asset

    parts = train_test_split(frame, test_size=0.25, random_state=0, stratify=frame[TARGET])
    store = AssetStore(connect())
    with tempfile.TemporaryDirectory() as folder:
        for name, part in zip(["adult-train", "adult-test"], parts, strict=True):
            path = Path(folder) / f"{name}.parquet"
            part.to_parquet(path, index=False)
            asset = create_data_asset(store, path, name=name)
            print(f"{asset.reference}: {asset.spec['n_rows']:,} rows")
    return parts[1].reset_index(drop=True)


def run_automl(time_budget_s: float) -> tuple[str, str]:
    """Run the AutoML job file as ``mlflow run automl.yml -b studio`` does; stream its log."""
    import mlflow
    import yaml

    document = yaml.safe_load((HERE / "automl.yml").read_text(encoding="utf-8"))
    document["limits"]["timeout_minutes"] = time_budget_s / 60
    with tempfile.TemporaryDirectory() as folder:
        job_file = Path(folder) / "automl.yml"
        job_file.write_text(yaml.safe_dump(document), encoding="utf-8")
        submitted = mlflow.projects.run(str(job_file), backend="studio")
    if submitted.get_status() != "FINISHED":
        raise StepFailed(f"the AutoML job ended as {submitted.get_status()}")
    tags = mlflow.get_run(submitted.run_id).data.tags
    return submitted.run_id, tags["automl.best_model_uri"]


def show_leaderboard(run_id: str, model_uri: str, holdout: pd.DataFrame) -> None:
    import mlflow
    from sklearn.metrics import roc_auc_score

    board = pd.DataFrame(mlflow.artifacts.load_dict(f"runs:/{run_id}/leaderboard.json"))
    shown = ["rank", "learner", "score", "fit_seconds", "weight"]
    print(board[shown].head(10).to_string(index=False, float_format="%.4f"))
    model = mlflow.pyfunc.load_model(model_uri)
    scores = model.predict(holdout.drop(columns=[TARGET]), params={"method": "predict_proba"})
    auc = roc_auc_score(holdout[TARGET] == ">50K", pd.DataFrame(scores).iloc[:, 1])
    print(f"ROC AUC on the holdout of {len(holdout):,} rows: {auc:.4f}")


def assess(model_uri: str, holdout: pd.DataFrame) -> None:
    import rai

    evaluation = rai.evaluate_model(
        model_uri,
        holdout,
        target=TARGET,
        sensitive_features=SENSITIVE,
        experiment_name=NAME,
        data_name="adult-test",
    )
    shown = ["selection_rate", "accuracy", "true_positive_rate", "false_positive_rate"]
    for fairness in evaluation.analysis.fairness:
        if len(fairness.features) == 1:
            rows = [
                {fairness.features[0]: group.name, "rows": group.n}
                | {metric: group.metrics[metric].value for metric in shown}
                for group in fairness.groups
            ]
            print(pd.DataFrame(rows).to_string(index=False, float_format="%.3f"))
    print(f"Report: run {evaluation.run_id}, artifact rai/report.html")


def deploy(model_uri: str) -> None:
    """Create the deployment, or let the one that is there serve the new version."""
    from mlflow.deployments import get_deploy_client

    client = get_deploy_client("studio")
    names = [deployment["name"] for deployment in client.list_deployments()]
    change = client.update_deployment if NAME in names else client.create_deployment
    change(name=NAME, model_uri=model_uri)
    deployment = client.get_deployment(NAME)
    print(f"{deployment['name']} {deployment['status']} at {deployment['url']}")


def score_over_http(rows: pd.DataFrame) -> None:
    from mlflow.deployments import get_deploy_client

    from mlflow_plugins.core import AssetStore, connect
    from mlflow_plugins.deployments import issue_key

    deployment = get_deploy_client("studio").get_deployment(NAME)
    key = issue_key(AssetStore(connect()), NAME, seconds=60)
    body = {"dataframe_split": json.loads(rows.to_json(orient="split", index=False))}
    request = urllib.request.Request(
        f"{deployment['url']}/invocations",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        predictions = json.load(answer)["predictions"]
    if len(predictions) != len(rows):
        raise StepFailed(
            f"the endpoint answered {len(predictions)} predictions for {len(rows)} rows"
        )
    for (_, row), prediction in zip(rows.iterrows(), predictions, strict=True):
        print(f"{row['age']} years, {row['education']}, {row['occupation']}: {prediction}")


if __name__ == "__main__":
    sys.exit(main())
