"""Forecasting: from a table of time series to a predictor, in the time given.

Reading order: `_options` (what may be asked), `_check` (a raw table becomes a `Panel`), `_folds`
(what each backtest may see), `_models` (the candidates), `_search` (who runs while time is left),
`_blend` (weights), `_intervals` (quantiles), `_predictor` (what the caller gets), `_fit` (all of
it in order).
"""
