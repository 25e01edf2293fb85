"""AutoML beside single models with default settings: ROC AUC on a holdout, and seconds.

The Adult census data, a quarter held out. The peers get the same rows; text columns as categories.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import lightgbm
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

import automl

DATA = Path(__file__).resolve().parents[1] / "examples" / "data" / "adult.parquet"
TARGET, POSITIVE = "income", ">50K"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time-budget", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    frame = pd.read_parquet(DATA)
    for seed in range(options.seeds):
        parts = train_test_split(frame, test_size=0.25, random_state=seed, stratify=frame[TARGET])
        train, test = (part.reset_index(drop=True) for part in parts)
        truth = test[TARGET] == POSITIVE
        began = time.perf_counter()
        model = automl.fit(
            train, target=TARGET, metric="roc_auc", time_budget_s=options.time_budget, seed=seed
        )
        seconds = time.perf_counter() - began
        column = list(model.classes_).index(POSITIVE)
        report("automl", roc_auc_score(truth, model.predict_proba(test)[:, column]), seconds)
        for name, peer in peers(seed).items():
            began = time.perf_counter()
            peer.fit(features(train), train[TARGET] == POSITIVE)
            seconds = time.perf_counter() - began
            scores = peer.predict_proba(features(test))[:, 1]
            report(name, roc_auc_score(truth, scores), seconds)


def peers(seed: int) -> dict[str, object]:
    return {
        "lightgbm": lightgbm.LGBMClassifier(random_state=seed, verbose=-1),
        "hist_gradient_boosting": HistGradientBoostingClassifier(
            random_state=seed, categorical_features="from_dtype"
        ),
    }


def features(frame: pd.DataFrame) -> pd.DataFrame:
    x = frame.drop(columns=[TARGET])
    return x.astype(dict.fromkeys(x.select_dtypes("object"), "category"))


def report(name: str, auc: float, seconds: float) -> None:
    print(f"{name:<24} ROC AUC {auc:.4f}   {seconds:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
