"""Ridge regression on all series together."""

from dataclasses import dataclass

import numpy as np

from automl._forecast._models._base import Work
from automl._forecast._models._global import GlobalModel, Regressor
from automl._forecast._panel import Array

_PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A fitted linear function of clipped, standardised features; missing ones count as average."""

    mean: Array
    spread: Array
    coefficients: Array
    intercept: float

    @property
    def importance(self) -> Array:
        """Absolute standardised coefficients."""
        return np.abs(self.coefficients)

    def predict(self, X: Array) -> Array:
        """Return predictions, shape (R,)."""
        out: Array = standardised(X, self.mean, self.spread) @ self.coefficients + self.intercept
        return out


def standardised(X: Array, mean: Array, spread: Array) -> Array:
    """Return features with mean 0 and spread 1, within five spreads; missing ones are 0."""
    return np.nan_to_num(np.clip((X - mean) / spread, -5.0, 5.0))


class Linear(GlobalModel):
    """Ridge regression, its penalty chosen on a held-out fifth of the rows."""

    name = "linear"

    def learn(self, X: Array, target: Array, weight: Array, work: Work) -> Regressor:
        """Solve the normal equations for some penalties and keep the best."""
        del work
        is_there = np.isfinite(X)
        n = np.maximum(is_there.sum(axis=0), 1)
        mean = np.where(is_there, X, 0.0).sum(axis=0) / n
        spread = np.sqrt((np.where(is_there, X - mean, 0.0) ** 2).sum(axis=0) / n)
        spread = np.where(spread > 1e-9, spread, 1.0)
        Z = standardised(X, mean, spread)
        cut = int(0.8 * len(Z))
        losses = []
        for penalty in _PENALTIES:
            w, b = _ridge(Z[:cut], target[:cut], weight[:cut], penalty)
            losses.append(float(np.mean(np.abs(target[cut:] - Z[cut:] @ w - b))))
        w, b = _ridge(Z, target, weight, _PENALTIES[int(np.nanargmin(losses))])
        return Line(mean=mean, spread=spread, coefficients=w, intercept=b)


def _ridge(Z: Array, y: Array, weight: Array, penalty: float) -> tuple[Array, float]:
    total = weight.sum()
    z_mean, y_mean = weight @ Z / total, float(weight @ y / total)
    centred = Z - z_mean
    gram = (centred * weight[:, None]).T @ centred + penalty * np.eye(Z.shape[1])
    w = np.linalg.solve(gram, (centred * weight[:, None]).T @ (y - y_mean))
    return w, y_mean - float(z_mean @ w)
