"""`inspect`: what a search would say about a table, in a second."""

from typing import Unpack

import pandas as pd

from automl._checks import check
from automl._guardrails import GuardrailReport
from automl._prepare import Preparer
from automl._task import Options

_N_ROWS = 5_000


def inspect(
    frame: pd.DataFrame, *, target: str, seed: int = 0, **options: Unpack[Options]
) -> GuardrailReport:
    """Check a table as `fit` would, without fitting anything.

    Args:
        frame: Raw rows, target included.
        target: Name of the column to predict.
        seed: Seed of the samples.
        **options: As for `fit`; those about validation and the test rows make a difference.

    Returns:
        What was found and what `fit` would do about it. What columns hold is judged by the first
        5000 rows.

    Raises:
        DataError: The table cannot be learned from.
        OptionError: An option has an unknown name or value.
    """
    plan = check(frame, target=target, time_budget_s=1.0, seed=seed, options=options)
    rows = plan.task.features.head(_N_ROWS)
    return plan.task.report + Preparer(plan.task.kinds).fit(rows).findings(rows)
