"""Gradient-boosted trees on all series together."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from automl._forecast._models._base import OutOfTime, Work
from automl._forecast._models._global import GlobalModel, Regressor
from automl._forecast._panel import Array

_MIN_ROUNDS = 20


@dataclass(frozen=True)
class Trees:
    """A LightGBM model kept as text, which any process can read."""

    text: str
    importance: Array

    @cached_property
    def booster(self) -> Any:
        """The model."""
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def __getstate__(self) -> dict[str, Any]:
        return {"text": self.text, "importance": self.importance}

    def predict(self, X: Array) -> Array:
        """Return predictions, shape (R,)."""
        return np.asarray(self.booster.predict(X, num_threads=1))


class Boosting(GlobalModel):
    """LightGBM; a deadline stops it early and keeps the trees so far."""

    def __init__(self, name: str, **params: Any) -> None:
        self.name = name
        self._rounds = int(params.pop("rounds"))
        self._params = params

    def learn(self, X: Array, target: Array, weight: Array, work: Work) -> Regressor:
        """Grow trees until all rounds are done or the time is up."""
        import lightgbm

        params = {
            "verbosity": -1,
            "num_threads": work.n_threads,
            "seed": work.seed,
            "deterministic": True,
            "force_col_wise": True,
            "min_data_in_leaf": int(np.clip(len(target) // 200, 5, 40)),
            **self._params,
        }
        data = lightgbm.Dataset(X, target, weight=weight, params={"verbosity": -1})
        booster = lightgbm.Booster(params, data)
        for done in range(self._rounds):
            if not work.may_go_on():
                if done < _MIN_ROUNDS:
                    raise OutOfTime
                break
            if booster.update():
                break
        importance = np.asarray(booster.feature_importance("gain"))
        return Trees(booster.model_to_string(), importance)
