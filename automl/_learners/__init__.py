"""Learners: one family per file, all behind `Learner`.

To add one: write the class, add an instance to `LEARNERS`, place its configurations in `opening`.
"""

from automl._learners._base import FitJob, Learner, Model, Params
from automl._learners._catboost import CatBoost
from automl._learners._classic import (
    DecisionTree,
    ElasticNet,
    NaiveBayes,
    NearestNeighbours,
    SupportVectors,
)
from automl._learners._forests import ExtraTrees, RandomForest
from automl._learners._hist_gradient_boosting import HistGradientBoosting
from automl._learners._lightgbm import LightGBM
from automl._learners._linear import Linear
from automl._learners._neural_net import NeuralNet
from automl._learners._xgboost import XGBoost
from automl._metrics import TaskName

LEARNERS: dict[str, Learner] = {
    learner.name: learner
    for learner in (
        LightGBM(),
        CatBoost(),
        XGBoost(),
        HistGradientBoosting(),
        ExtraTrees(),
        RandomForest(),
        Linear(),
        NeuralNet(),
        ElasticNet(),
        NearestNeighbours(),
        SupportVectors(),
        DecisionTree(),
        NaiveBayes(),
    )
}

# The order in which configurations are tried: a quick model of each kind first, so that an
# ensemble of different families exists early, then the next configuration of each.
_ROUNDS = (
    *("linear", "lightgbm", "catboost", "extra_trees", "xgboost", "neural_net"),
    "random_forest",
    "hist_gradient_boosting",
)


def available(task: TaskName, *, n_cells: int, names: list[str]) -> dict[str, Learner]:
    """Return the learners among `names` that suit the task and the table's size."""
    return {
        name: LEARNERS[name]
        for name in names
        if task in LEARNERS[name].tasks and n_cells <= LEARNERS[name].max_cells
    }


def opening(learners: dict[str, Learner]) -> list[tuple[str, Params]]:
    """Return the configurations that every search starts with, in order."""
    order = [n for n in _ROUNDS if n in learners] + [n for n in learners if n not in _ROUNDS]
    depth = max(len(learner.portfolio) for learner in learners.values())
    return [
        (name, learners[name].portfolio[i])
        for i in range(depth)
        for name in order
        if i < len(learners[name].portfolio)
    ]


__all__ = ["LEARNERS", "FitJob", "Learner", "Model", "Params", "available", "opening"]
