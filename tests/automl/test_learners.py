"""The contract of learners, held by every one of them."""

import pickle
import time

import numpy as np
import pytest

from automl import LEARNERS, FitJob
from automl._table import Table

N, N_TRAIN = 600, 400


def table(rng, *, n=N, with_codes=True, with_numbers=True):
    numeric = rng.normal(size=(n, 4 if with_numbers else 0))
    numeric[rng.random(numeric.shape) < 0.1] = np.nan
    codes = rng.integers(-1, 5, size=(n, 2 if with_codes else 0), dtype=np.int32)
    return Table(numeric=numeric, codes=codes, cardinalities=(5, 5) if with_codes else ())


def job_of(task, *, n_classes, y=None, w=None, seconds=60.0, **shape):
    rng = np.random.default_rng(3)
    whole = table(rng, **shape)
    signal = whole.matrix[:, -1]
    signal = np.where(np.isnan(signal), 0.0, signal)
    if y is None:
        noise = signal + 0.3 * rng.normal(size=N)
        cuts = np.quantile(noise, np.linspace(0, 1, n_classes + 1)[1:-1]) if n_classes else None
        y = np.searchsorted(cuts, noise) if n_classes else 100.0 + 10.0 * noise
    train, valid = np.arange(N_TRAIN), np.arange(N_TRAIN, N)
    return FitJob(
        task=task,
        n_classes=n_classes,
        train=whole.rows(train),
        y_train=y[train],
        valid=whole.rows(valid),
        y_valid=y[valid],
        seed=1,
        n_threads=1,
        w_train=None if w is None else w[train],
        w_valid=None if w is None else w[valid],
        stop_at=time.monotonic() + seconds,
    )


@pytest.fixture(params=sorted(LEARNERS))
def learner(request):
    return LEARNERS[request.param]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_classes_are_told_apart(learner, n_classes):
    job = job_of("classification", n_classes=n_classes)
    p = learner.fit(job, learner.portfolio[0]).predict(job.valid)
    assert p.shape == (len(job.valid), n_classes)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-6)
    assert np.mean(p.argmax(axis=1) == job.y_valid) > 1.3 / n_classes


def test_values_are_predicted(learner):
    if "regression" not in learner.tasks:
        pytest.skip("for classes alone")
    job = job_of("regression", n_classes=0)
    model = learner.fit(job, learner.portfolio[0])
    p = model.predict(job.valid)
    assert p.shape == job.y_valid.shape
    error = np.mean((p - job.y_valid) ** 2)
    assert error < 0.8 * np.var(job.y_valid)
    again = pickle.loads(pickle.dumps(model)).predict(job.valid)
    np.testing.assert_array_equal(again, p)
    one = model.predict(job.valid.rows(np.array([5])))
    np.testing.assert_allclose(one, p[5:6], rtol=1e-6)


@pytest.mark.parametrize("shape", [{"with_codes": False}, {"with_numbers": False}])
def test_tables_of_one_kind(learner, shape):
    job = job_of("classification", n_classes=2, **shape)
    p = learner.fit(job, learner.portfolio[0]).predict(job.valid)
    assert np.isfinite(p).all()


def test_a_fold_may_lack_classes(learner):
    y = np.arange(N) % 3
    y[:N_TRAIN] %= 2  # the third class is in the held-out rows alone
    job = job_of("classification", n_classes=4, y=y)
    p = learner.fit(job, learner.portfolio[0]).predict(job.valid)
    assert p.shape == (len(job.valid), 4)
    assert np.isfinite(p).all()


def test_rows_without_weight_teach_nothing(learner):
    if learner.name == "nearest_neighbours":
        pytest.skip("scikit-learn's neighbours weigh by distance alone")
    job = job_of("classification", n_classes=2)
    wrong = np.arange(N) % 2 == 0
    y = np.concatenate([job.y_train, job.y_valid])
    y = np.where(wrong, 1 - y, y)
    misled = job_of("classification", n_classes=2, y=y)
    told = job_of("classification", n_classes=2, y=y, w=1.0 - wrong)
    right = [
        np.mean(learner.fit(one, learner.portfolio[0]).predict(job.valid).argmax(1) == job.y_valid)
        for one in (misled, told)
    ]
    assert right[1] > max(right[0], 0.7)


def test_the_same_seed_gives_the_same_model(learner):
    job = job_of("classification", n_classes=2)
    first, second = (learner.fit(job, learner.portfolio[-1]).predict(job.valid) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_deadline_that_is_over_still_gives_a_model(learner):
    job = job_of("classification", n_classes=3, seconds=-1.0)
    started = time.monotonic()
    p = learner.fit(job, learner.portfolio[0]).predict(job.valid)
    assert p.shape == (len(job.valid), 3)
    assert time.monotonic() - started < 30


def test_portfolios_lie_in_their_space(learner):
    for params in learner.portfolio:
        assert set(params) == set(learner.space)
        for name, value in params.items():
            dimension = learner.space[name]
            values = getattr(dimension, "values", None)
            assert value in values if values else dimension.low <= value <= dimension.high
