"""Scalars and curves against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from rai import _curves, _metrics


def draw(n_classes: int, n: int = 700, *, n_levels: int = 25, seed: int = 0):
    """Return truth, labels and (heavily tied) probabilities."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n)
    raw = rng.random((n, n_classes)) + 0.8 * np.eye(n_classes)[truth]
    p = np.round(raw / raw.sum(1, keepdims=True) * n_levels) + 0.5
    p /= p.sum(1, keepdims=True)
    return truth, p.argmax(1), p


def all_metrics(truth, labels, p):
    k = p.shape[1]
    positive = 1 if k == 2 else None
    counts = _metrics.confusion(truth, labels, k)
    rng = np.random.default_rng(0)
    found = _metrics.classification_metrics(counts, positive, n_bootstrap=200, rng=rng)
    return {**found, **_metrics.score_metrics(truth, p, positive)}


def sklearn_metrics(truth, labels, p):
    k = p.shape[1]
    one_hot = np.eye(k)[truth]
    class_weight = np.bincount(truth)[truth]
    expected = {
        "accuracy": sk.accuracy_score(truth, labels),
        "weighted_accuracy": sk.accuracy_score(truth, labels, sample_weight=class_weight),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, labels),
        "norm_macro_recall": sk.balanced_accuracy_score(truth, labels, adjusted=True),
        "matthews_correlation": sk.matthews_corrcoef(truth, labels),
        "log_loss": sk.log_loss(truth, p),
    }
    expected["brier_score"] = (
        sk.brier_score_loss(truth, p[:, 1]) if k == 2 else ((p - one_hot) ** 2).sum(1).mean()
    )
    for average in ("macro", "micro", "weighted"):
        expected[f"AUC_{average}"] = sk.roc_auc_score(one_hot, p, average=average)
        expected[f"average_precision_score_{average}"] = sk.average_precision_score(
            one_hot, p, average=average
        )
        for name in ("f1_score", "precision_score", "recall_score"):
            expected[f"{name}_{average}"] = getattr(sk, name)(truth, labels, average=average)
    if k == 2:
        expected["AUC_binary"] = sk.roc_auc_score(truth, p[:, 1])
        expected["average_precision_score_binary"] = sk.average_precision_score(truth, p[:, 1])
        for name in ("f1_score", "precision_score", "recall_score"):
            expected[f"{name}_binary"] = getattr(sk, name)(truth, labels)
    return expected


@pytest.mark.parametrize("n_classes", [2, 3, 7])
def test_every_classification_scalar_is_scikit_learns(n_classes):
    truth, labels, p = draw(n_classes)
    found, expected = all_metrics(truth, labels, p), sklearn_metrics(truth, labels, p)
    assert found.keys() == expected.keys()
    assert len(found) == (
        27 if n_classes == 2 else 22
    )  # Azure's 26 (21 without _binary) and Brier's score
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, abs=1e-12), name


def test_every_regression_scalar_is_the_reference():
    rng = np.random.default_rng(1)
    truth = rng.gamma(2, 10, 400) + 1e4
    predicted = truth + rng.normal(0.5, 4, 400)
    found = _metrics.regression_metrics(truth, predicted, n_bootstrap=200, rng=rng)
    reach = np.ptp(truth)
    expected = {
        "explained_variance": sk.explained_variance_score(truth, predicted),
        "mean_absolute_error": sk.mean_absolute_error(truth, predicted),
        "mean_absolute_percentage_error": sk.mean_absolute_percentage_error(truth, predicted),
        "median_absolute_error": sk.median_absolute_error(truth, predicted),
        "r2_score": sk.r2_score(truth, predicted),
        "root_mean_squared_error": sk.root_mean_squared_error(truth, predicted),
        "root_mean_squared_log_error": sk.root_mean_squared_log_error(truth, predicted),
        "spearman_correlation": stats.spearmanr(truth, predicted).statistic,
        "max_error": sk.max_error(truth, predicted),
        "mean_error": np.mean(predicted - truth),
        "mean_prediction": predicted.mean(),
    }
    for name in (
        "mean_absolute_error",
        "median_absolute_error",
        "root_mean_squared_error",
        "root_mean_squared_log_error",
    ):
        expected[f"normalized_{name}"] = expected[name] / reach
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-9), name


def test_r2_is_cut_at_minus_one_and_normalised_errors_at_one():
    truth, predicted = np.array([0.0, 1.0, 2.0]), np.array([50.0, -60.0, 70.0])
    found = _metrics.regression_metrics(
        truth, predicted, n_bootstrap=100, rng=np.random.default_rng(0)
    )
    assert found["r2_score"].value == -1
    assert found["normalized_mean_absolute_error"].value == 1
    assert found["root_mean_squared_log_error"].value is None


def test_curves_are_scikit_learns_before_thinning():
    truth, _, p = draw(2, n_levels=40)
    curves = {c.kind: c for c in _curves.class_curves(truth == 1, p[:, 1], "1")}
    fpr, tpr, _ = sk.roc_curve(truth, p[:, 1], drop_intermediate=False)
    np.testing.assert_allclose(curves["roc"].x, fpr, atol=1e-12)
    np.testing.assert_allclose(curves["roc"].y, tpr, atol=1e-12)
    assert curves["roc"].area == pytest.approx(sk.roc_auc_score(truth, p[:, 1]), abs=1e-12)
    precision, recall, _ = sk.precision_recall_curve(truth, p[:, 1])
    np.testing.assert_allclose(curves["precision_recall"].x, recall[:-1][::-1], atol=1e-12)
    np.testing.assert_allclose(curves["precision_recall"].y, precision[:-1][::-1], atol=1e-12)


def test_calibration_is_scikit_learns_quantile_strategy():
    truth, _, p = draw(2, n=5000, n_levels=10_000)
    curve = _curves.calibration(truth == 1, p[:, 1], "1")
    observed, predicted = calibration_curve(truth, p[:, 1], n_bins=10, strategy="quantile")
    np.testing.assert_allclose(curve.x, predicted, atol=1e-12)
    np.testing.assert_allclose(curve.y, observed, atol=1e-12)
    assert sum(curve.n) == 5000


def test_gains_and_lift_are_counts_of_the_top_rows():
    truth, _, p = draw(2, n=150, n_levels=10_000)
    curves = {c.kind: c for c in _curves.class_curves(truth == 1, p[:, 1], "1")}
    ranked = truth[np.argsort(-p[:, 1], kind="stable")]
    for x, y, lift in zip(
        curves["gains"].x[1:], curves["gains"].y[1:], curves["lift"].y, strict=True
    ):
        top = round(x * len(ranked))
        assert y == pytest.approx(ranked[:top].sum() / ranked.sum())
        assert lift == pytest.approx(ranked[:top].mean() / ranked.mean())


def test_curves_are_thinned_but_areas_are_exact():
    truth, _, p = draw(2, n=20_000, n_levels=10**9)
    for curve in _curves.class_curves(truth == 1, p[:, 1], "1"):
        assert len(curve.x) <= 200
        if curve.kind == "roc":
            assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0, 0, 1, 1)
            assert curve.area == pytest.approx(sk.roc_auc_score(truth, p[:, 1]), abs=1e-12)
            assert np.trapezoid(curve.y, curve.x) == pytest.approx(curve.area, abs=2e-3)


def test_histogram_counts_every_residual():
    rng = np.random.default_rng(0)
    truth, predicted = rng.normal(size=300), rng.normal(size=300) * 9
    found = _curves.residual_histogram(truth, predicted)
    assert sum(found.counts) == 300
    versus = _curves.predicted_versus_true(truth, predicted)
    assert np.average(versus.mean_predicted, weights=versus.n) == pytest.approx(predicted.mean())
    assert sum(_curves.residual_histogram(truth, truth).counts) == 300


def test_wilson_is_the_reference_interval():
    for hits, n in ((0, 5), (3, 7), (7, 7), (120, 1000)):
        low, high = _curves.wilson(np.array([float(hits)]), np.array([float(n)]))
        expected = stats.binomtest(hits, n).proportion_ci(method="wilson")
        assert low[0] == pytest.approx(max(expected.low, 0), abs=1e-9)
        assert high[0] == pytest.approx(min(expected.high, 1), abs=1e-9)


def test_delong_error_is_the_spread_over_repeated_samples():
    rng = np.random.default_rng(3)
    areas, errors = [], []
    for _ in range(400):
        truth = rng.random(300) < 0.3
        scores = np.round(rng.normal(size=300) + truth, 1)
        area, error = _metrics.auc_with_error(truth, scores)
        areas.append(area)
        errors.append(error)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.1)
    assert areas[-1] == pytest.approx(sk.roc_auc_score(truth, scores), abs=1e-12)


def test_bootstrap_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(4)
    cells = np.array([[0.5, 0.1], [0.15, 0.25]])
    aim = _metrics.count_metrics(cells, 1)["f1_score_binary"]
    n_covered = 0
    for seed in range(400):
        counts = rng.multinomial(400, cells.ravel()).reshape(2, 2)
        found = _metrics.classification_metrics(
            counts, 1, n_bootstrap=300, rng=np.random.default_rng(seed)
        )["f1_score_binary"]
        n_covered += found.low <= aim <= found.high
    assert 0.91 <= n_covered / 400 <= 0.98


@pytest.mark.parametrize("n", [60, 800])  # rows resampled; moments drawn
def test_moment_intervals_cover_the_truth(n):
    rng = np.random.default_rng(5)
    n_covered = 0
    for seed in range(300):
        error = rng.normal(0, 2, n)
        truth = rng.normal(size=n)
        found = _metrics.regression_metrics(
            truth, truth + error, n_bootstrap=200, rng=np.random.default_rng(seed)
        )
        mae = found["mean_absolute_error"]
        n_covered += mae.low <= 2 * np.sqrt(2 / np.pi) <= mae.high
    assert 0.90 <= n_covered / 300 <= 0.985


def test_undefined_metrics_are_none_with_a_reason():
    truth, labels = np.zeros(20, dtype=int), np.zeros(20, dtype=int)
    found = all_metrics(truth, labels, np.tile([0.7, 0.3], (20, 1)))
    for name in ("AUC_binary", "AUC_macro", "precision_score_binary", "recall_score_binary"):
        assert found[name].value is None
        assert found[name].reason
    assert found["accuracy"].value == 1
