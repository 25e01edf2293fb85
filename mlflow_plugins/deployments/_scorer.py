"""The model of a scoring server: loaded once, warmed, asked for many requests in one call."""

import json
import logging
import traceback
from collections.abc import Sequence
from io import BytesIO, StringIO
from typing import Any, cast

import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import PyFuncModel, scoring_server
from mlflow.pyfunc.utils.serving_data_parser import is_unified_llm_input
from mlflow.types import Schema
from mlflow.utils.proto_json_utils import NumpyEncoder, _get_jsonable_obj

from mlflow_plugins.deployments._config import ServingConfig
from mlflow_plugins.deployments._failures import ScoringFailure, to_failure
from mlflow_plugins.deployments._requests import (
    CSV,
    JSON,
    BatchRule,
    ScoringRequest,
    combine,
    read_request,
)

ROW_WISE = "studio.row_wise"
"""Key in a model's metadata: true if each row's prediction depends on that row alone."""

_ROW_WISE_LOADERS = {
    "mlflow.sklearn",
    "mlflow.lightgbm",
    "mlflow.xgboost",
    "mlflow.catboost",
}
_DEFAULT_BATCH_ROWS = 2048
_LOGGER = logging.getLogger(__name__)


class Scorer:
    """Answers scoring requests with a model, as MLflow's scoring server answers them one by one.

    `read` may be called while `score` works in another thread.
    """

    def __init__(self, model: PyFuncModel, *, max_batch_rows: int | None = None) -> None:
        self._model = model
        self.schema: Schema | None = model.metadata.get_input_schema()  # type: ignore[no-untyped-call]
        self.rule = BatchRule.of(
            self.schema, _batch_rows(model) if max_batch_rows is None else max_batch_rows
        )

    @classmethod
    def load(cls, model_uri: str, config: ServingConfig) -> "Scorer":
        """Load a model and predict once, so that the first request finds everything ready."""
        scorer = cls(mlflow.pyfunc.load_model(model_uri), max_batch_rows=config.max_batch_rows)
        scorer.warm()
        return scorer

    def warm(self) -> None:
        """Predict the model's input example, if it has one; what comes out does not matter."""
        try:
            example = self._model.input_example
            if example is not None:
                self._model.predict(example)
        except Exception as error:  # noqa: BLE001 - a model may refuse its own example
            _LOGGER.warning("The model refused its input example (%s).", type(error).__name__)

    def read(self, body: bytes, content_type: str | None) -> ScoringRequest:
        """Read the body of a request.

        Raises:
            ScoringFailure: It cannot be read.
        """
        return read_request(body, content_type, self.rule)

    def score(self, requests: Sequence[ScoringRequest]) -> list[str | ScoringFailure]:
        """Answer requests whose batch keys are equal; each with a JSON text or a failure.

        If the model fails on all together, each is tried alone: a bad row harms its own request.
        """
        if len(requests) > 1:
            answers = self._score_together(requests)
            if answers is not None:
                return answers
        return [self._score_alone(request) for request in requests]

    def _score_together(
        self, requests: Sequence[ScoringRequest]
    ) -> list[str | ScoringFailure] | None:
        try:
            predictions = self._predict(JSON, combine(requests))
            parts = split_predictions(predictions, [request.n_rows for request in requests])
            return None if parts is None else [_to_json(part) for part in parts]
        except Exception:  # noqa: BLE001 - whatever it is, each request will show its own
            return None

    def _score_alone(self, request: ScoringRequest) -> str | ScoringFailure:
        try:
            predictions = self._predict(request.media_type, request.body)
            is_wrapped = request.media_type != JSON or not is_unified_llm_input(request.body)
            return _to_json(predictions, is_wrapped=is_wrapped)
        except Exception as error:  # noqa: BLE001 - a model may raise anything
            if not isinstance(error, ScoringFailure | MlflowException):
                # Where it failed, but not the message: that may quote the data.
                frames = "".join(traceback.format_tb(error.__traceback__))
                _LOGGER.warning("The model raised %s:\n%s", type(error).__name__, frames)
            return to_failure(error, self.schema)

    def _predict(self, media_type: str, body: Any) -> Any:
        data, params = self._parse(media_type, body)
        return self._model.predict(data, params=params)

    def _parse(self, media_type: str, body: Any) -> tuple[Any, dict[str, Any] | None]:
        if media_type == JSON:
            # A copy, because MLflow takes the params out of the mapping.
            parsed = scoring_server._parse_json_data(  # type: ignore[no-untyped-call]
                dict(body), self._model.metadata, self.schema
            )
            return parsed.data, parsed.params
        if media_type == CSV:
            try:
                text = body.decode("utf-8")
            except UnicodeDecodeError as error:
                raise ScoringFailure(400, "The body is not UTF-8 text.") from error
            schema = cast("Schema", self.schema)  # None is fine, whatever the annotation says
            return scoring_server.parse_csv_input(StringIO(text), schema), None
        frame = scoring_server.parse_parquet_input(BytesIO(body))  # type: ignore[no-untyped-call]
        return frame, None


def split_predictions(predictions: Any, n_rows: Sequence[int]) -> list[Any] | None:
    """Cut predictions for combined requests into those of each; None if they cannot be cut.

    Args:
        predictions: What the model returned.
        n_rows: Rows of each request, in order.
    """
    if not isinstance(predictions, np.ndarray | pd.DataFrame | pd.Series | list):
        return None
    if isinstance(predictions, np.ndarray) and predictions.ndim == 0:
        return None
    if len(predictions) != sum(n_rows):
        return None
    rows = predictions.iloc if isinstance(predictions, pd.DataFrame | pd.Series) else predictions
    ends = np.cumsum(n_rows)
    return [rows[int(end) - n : int(end)] for n, end in zip(n_rows, ends, strict=True)]


def _batch_rows(model: PyFuncModel) -> int:
    says = (model.metadata.metadata or {}).get(ROW_WISE)
    is_row_wise = says is True or (says is None and model.loader_module in _ROW_WISE_LOADERS)
    return _DEFAULT_BATCH_ROWS if is_row_wise else 1


def _to_json(predictions: Any, *, is_wrapped: bool = True) -> str:
    document = _get_jsonable_obj(predictions)  # type: ignore[no-untyped-call]
    return json.dumps({"predictions": document} if is_wrapped else document, cls=NumpyEncoder)
