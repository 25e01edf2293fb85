"""The candidates, in the order in which they are tried."""

from automl._forecast._models._base import ForecastModel
from automl._forecast._models.arima import ARIMA
from automl._forecast._models.boosting import Boosting
from automl._forecast._models.ets import ETS
from automl._forecast._models.harmonic import Harmonic
from automl._forecast._models.intermittent import ADIDA, TSB, Croston
from automl._forecast._models.linear import Linear
from automl._forecast._models.mstl import MSTL
from automl._forecast._models.naive import Drift, Naive, SeasonalMean, SeasonalNaive, WindowMean
from automl._forecast._models.theta import Theta

_TREES = Boosting(
    "lightgbm", rounds=200, objective="l1", learning_rate=0.05, num_leaves=31, feature_fraction=0.7,
    bagging_fraction=0.8, bagging_freq=1,
)  # fmt: skip
_SHALLOW_TREES = Boosting(
    "lightgbm_shallow", rounds=250, objective="l2", learning_rate=0.05, num_leaves=7,
    feature_fraction=0.5, bagging_fraction=0.8, bagging_freq=1,
)  # fmt: skip
_ALL: tuple[ForecastModel, ...] = (
    SeasonalNaive(), SeasonalMean(), WindowMean(), Croston(), TSB(), ADIDA(), Theta(), ETS(),
    Linear(), _TREES, MSTL(), Harmonic(), ARIMA(), _SHALLOW_TREES, Naive(), Drift(),
)  # fmt: skip
MODELS: dict[str, ForecastModel] = {model.name: model for model in _ALL}
