"""The MLflow model evaluator ``rai``, the one file here that an MLflow entry point names.

MLflow loads it in every process that evaluates a model, so it imports nothing heavy at the top.
"""

from typing import Any

from mlflow.models.evaluation.base import EvaluationResult, ModelEvaluator


class RaiEvaluator(ModelEvaluator):
    """Evaluate a classifier or regressor and log the result under ``rai/``.

    Opt-in: it runs only when the configuration holds a key of its own, such as
    ``sensitive_features``; calls of ``mlflow.models.evaluate`` that do not ask for it are not
    changed by its being installed.
    """

    @classmethod
    def can_evaluate(
        cls, *, model_type: str, evaluator_config: dict[str, Any] | None, **_: Any
    ) -> bool:
        """Tell whether the caller asked for this evaluator."""
        from rai._evaluator import is_asked_for

        return model_type in ("classifier", "regressor") and is_asked_for(evaluator_config or {})

    def evaluate(
        self,
        *,
        model_type: str,
        dataset: Any,
        run_id: str,
        evaluator_config: dict[str, Any],
        model: Any = None,
        **others: Any,
    ) -> EvaluationResult:
        """Analyze the model and log metrics, tags and artifacts to the run."""
        from rai._evaluator import evaluate

        metrics, artifacts = evaluate(
            model=model,
            model_type=model_type,
            dataset=dataset,
            run_id=run_id,
            config=evaluator_config or {},
            model_id=others.get("model_id"),
        )
        return EvaluationResult(metrics, artifacts)  # type: ignore[no-untyped-call]
