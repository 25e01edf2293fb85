"""Forecasting beside statsforecast's automatic models: MASE on the last horizon, and seconds.

The series are those of a folder with `datasets.csv` (name, task, target, id_col, time_col, freq,
season, horizon) and `data/NAME.parquet`, or simulated ones without it. statsforecast 2.1 needs
pandas 2, we run on pandas 3 as well: it is asked through an interpreter of its own.

    python -m venv peer && peer/bin/pip install statsforecast pyarrow
    python benchmarks/forecasting.py --data FOLDER --peer-python peer/bin/python
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import pandas as pd

PEERS = ("SeasonalNaive", "AutoETS", "AutoTheta", "AutoARIMA")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of series; simulated ones without it")
    parser.add_argument("--peer-python", default="", help="interpreter that has statsforecast")
    parser.add_argument("--time-budget", type=float, default=60.0)
    parser.add_argument("--peer-timeout", type=float, default=300.0, help="seconds for each model")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    table: dict[str, dict[str, float]] = {}
    for name, frame, settings in series_sets(options.data):
        test = frame.groupby("unique_id").tail(settings["horizon"])
        train = frame.drop(index=test.index)
        row = table.setdefault(name, {})
        row["automl"] = ours(train, test, settings, options)
        for peer in PEERS if options.peer_python else ():
            row[peer] = theirs(peer, train, test, settings, options)
        row["seasonal naive"] = mase(train, test, naive(train, settings), settings["season"])
        print(f"{name:<18}", *(f"{k} {v:.4f}  " for k, v in row.items()), flush=True)
    means = pd.DataFrame(table).T.mean()
    print("mean".ljust(18), *(f"{k} {v:.4f}  " for k, v in means.items()))
    if options.peer_python:
        best = means[list(PEERS)].min()
        print(f"best single peer {best:.4f}, mean of the peers {means[list(PEERS)].mean():.4f}")


def ours(
    train: pd.DataFrame, test: pd.DataFrame, settings: dict, options: argparse.Namespace
) -> float:
    import automl

    began = time.perf_counter()
    model = automl.fit_forecaster(
        train,
        horizon=settings["horizon"],
        freq=settings["freq"],
        season=settings["season"],
        time_budget_s=options.time_budget,
        seed=options.seed,
    )
    answer = model.predict()
    seconds = time.perf_counter() - began
    joined = test.merge(answer, on=["unique_id", "ds"])
    inside = ((joined["y"] >= joined["q0.1"]) & (joined["y"] <= joined["q0.9"])).mean()
    print(
        f"  automl: {seconds:.1f} s, {inside:.0%} of the truth in the interval of 80 %", flush=True
    )
    return mase(train, test, answer, settings["season"])


def theirs(
    peer: str, train: pd.DataFrame, test: pd.DataFrame, settings: dict, options: argparse.Namespace
) -> float:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "train.parquet"), Path(folder, "answer.parquet")
        train.to_parquet(source)
        command = [options.peer_python, "-c", PEER, peer, str(source), str(target)]
        began = time.perf_counter()
        try:
            subprocess.run(
                [*command, json.dumps(settings)], check=True, timeout=options.peer_timeout
            )
        except subprocess.TimeoutExpired:
            print(f"  {peer}: not done after {options.peer_timeout:g} s", flush=True)
            return float("nan")
        print(
            f"  {peer}: {time.perf_counter() - began:.1f} s, start and compiling included",
            flush=True,
        )
        return mase(train, test, pd.read_parquet(target), settings["season"])


PEER = """
import json, sys
import pandas as pd
from statsforecast import StatsForecast, models

name, source, target, settings = *sys.argv[1:4], json.loads(sys.argv[4])
model = getattr(models, name)(season_length=settings["season"])
naive = models.SeasonalNaive(season_length=settings["season"])
engine = StatsForecast(models=[model], freq=settings["freq"], n_jobs=1, fallback_model=naive)
answer = engine.forecast(df=pd.read_parquet(source), h=settings["horizon"])
answer = answer.rename(columns={answer.columns[-1]: "yhat"})
answer[["unique_id", "ds", "yhat"]].to_parquet(target)
"""


def naive(train: pd.DataFrame, settings: dict) -> pd.DataFrame:
    parts = []
    for key, rows in train.groupby("unique_id"):
        y, m = rows["y"].to_numpy(), settings["season"]
        parts.append(
            pd.DataFrame({"unique_id": key, "yhat": np.resize(y[-m:], settings["horizon"])})
        )
    return pd.concat(parts)


def mase(train: pd.DataFrame, test: pd.DataFrame, answer: pd.DataFrame, season: int) -> float:
    """Return the mean over series; those without a seasonal difference do not count."""
    step = test.groupby("unique_id").cumcount()
    truth = test.assign(step=step)[["unique_id", "step", "y"]]
    answer = answer.assign(step=answer.groupby("unique_id").cumcount())
    both = truth.merge(answer[["unique_id", "step", "yhat"]], on=["unique_id", "step"], how="left")
    mae = (both["y"] - both["yhat"]).abs().groupby(both["unique_id"]).mean()
    scale = train.groupby("unique_id")["y"].apply(
        lambda s: (
            np.mean(np.abs(s.values[season:] - s.values[:-season])) if len(s) > season else np.nan
        )
    )
    ratio = (mae / scale)[scale > 0]
    return float(ratio.mean())


def series_sets(folder: Path | None) -> list[tuple[str, pd.DataFrame, dict]]:
    if folder is None:
        return simulated()
    found = []
    listing = pd.read_csv(folder / "datasets.csv", keep_default_na=False)
    for d in listing[listing["task"] == "forecasting"].itertuples():
        raw = pd.read_parquet(folder / "data" / f"{d.name}.parquet")
        frame = pd.DataFrame(
            {
                "unique_id": raw[d.id_col] if d.id_col else "y",
                "ds": raw[d.time_col],
                "y": raw[d.target].astype(float),
            }
        )
        frame = frame.sort_values(["unique_id", "ds"], ignore_index=True)
        settings = {
            "freq": d.freq,
            "season": int(float(d.season)),
            "horizon": int(float(d.horizon)),
        }
        found.append((d.name, frame, settings))
    return found


def simulated() -> list[tuple[str, pd.DataFrame, dict]]:
    """Return three sets: months with growth, days with two seasons, and a panel of quarters."""
    rng = np.random.default_rng(0)

    def series(n: int, freq: str, values: np.ndarray, key: str = "y") -> pd.DataFrame:
        stamps = pd.date_range("2015-01-01", periods=n, freq=freq)
        return pd.DataFrame({"unique_id": key, "ds": stamps, "y": values})

    t = np.arange(120)
    months = np.exp(5 + 0.01 * t + 0.2 * np.sin(2 * np.pi * t / 12) + rng.normal(0, 0.05, 120))
    t = np.arange(1200)
    days = 100 + 20 * (t % 7 >= 5) + 15 * np.sin(2 * np.pi * t / 365.25)
    days = days + np.convolve(rng.normal(0, 2, 1210), np.ones(11), "valid")
    panel = []
    for i in range(60):
        t = np.arange(48)
        level = rng.uniform(10, 1000)
        y = (
            level * (1 + 0.2 * np.sin(2 * np.pi * (t + i) / 4))
            + level * rng.normal(0, 0.03, 48).cumsum()
        )
        panel.append(series(48, "QS", y, f"s{i}"))
    return [
        ("months", series(120, "MS", months), {"freq": "MS", "season": 12, "horizon": 12}),
        ("days", series(1200, "D", days), {"freq": "D", "season": 7, "horizon": 28}),
        (
            "quarters",
            pd.concat(panel, ignore_index=True),
            {"freq": "QS", "season": 4, "horizon": 8},
        ),
    ]


if __name__ == "__main__":
    main()
