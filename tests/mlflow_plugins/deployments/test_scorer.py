"""Answers are those of MLflow's own scoring server, alone and in batches."""

import asyncio
import json
import math
import time
from io import BytesIO

import httpx
import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow.pyfunc import scoring_server

from mlflow_plugins.deployments._app import ScoringApp
from mlflow_plugins.deployments._config import ServingConfig
from mlflow_plugins.deployments._failures import ScoringFailure
from mlflow_plugins.deployments._key_ring import OpenDoor
from mlflow_plugins.deployments._scorer import Scorer, split_predictions

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")

JSON = "application/json"


class _Client:
    """Calls an ASGI app in this process; several calls at once if it is given several."""

    def __init__(self, app):
        self._app = app

    def post(self, path, **request):
        return self.send({"method": "POST", "url": path, **request})[0]

    def get(self, path):
        return self.send({"method": "GET", "url": path})[0]

    def send(self, *requests, pause_seconds=0.0):
        async def go():
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://model") as client:
                tasks = []
                for request in requests:
                    tasks.append(asyncio.create_task(client.request(**request)))
                    await asyncio.sleep(pause_seconds)
                return [await task for task in tasks]

        return asyncio.run(go())


def _clients(uri):
    model = mlflow.pyfunc.load_model(uri)
    ours = ScoringApp(Scorer(model), ServingConfig(), guard=OpenDoor(), identity={})
    theirs = scoring_server.init(mlflow.pyfunc.load_model(uri))
    return _Client(ours.to_asgi()), _Client(theirs)


@pytest.fixture(scope="module")
def clients(models):
    return {name: _clients(getattr(models, name)) for name in ("linear", "plain", "chooser")}


@pytest.fixture(scope="module")
def rows(table):
    return json.loads(table(3, seed=3).to_json(orient="split", index=False))


def _bodies(rows):
    columns, data = rows["columns"], rows["data"]
    records = [dict(zip(columns, row, strict=True)) for row in data]
    split = {"columns": columns, "data": data}
    yield {"dataframe_split": split}
    yield {"dataframe_split": {**split, "index": [7, 8, 9]}}
    yield {"dataframe_split": {"columns": columns[::-1], "data": [row[::-1] for row in data]}}
    yield {"dataframe_split": {"data": data}}
    yield {"dataframe_split": {"columns": columns, "data": []}}
    yield {"dataframe_split": {"columns": columns, "data": [row[:2] for row in data]}}
    yield {"dataframe_split": {"columns": [*columns, "extra"], "data": [[*r, 1] for r in data]}}
    yield {"dataframe_split": {"columns": columns[:2], "data": [row[:2] for row in data]}}
    yield {"dataframe_split": data}
    yield {"dataframe_split": {**split, "more": 1}}
    yield {"dataframe_records": records}
    yield {"dataframe_records": []}
    yield {"dataframe_records": [records[0], {"age": 30}]}
    yield {"dataframe_records": [{**record, "age": None} for record in records]}
    yield {"dataframe_records": [{**record, "age": 30.5} for record in records]}
    yield {"dataframe_records": [{**record, "age": True} for record in records]}
    yield {"dataframe_records": [{**record, "age": "30"} for record in records]}
    yield {"dataframe_records": [{**record, "income": "much"} for record in records]}
    yield {"dataframe_records": [{**record, "income": 30000} for record in records]}
    yield {"dataframe_records": [{**record, "income": [1.0]} for record in records]}
    yield {"dataframe_records": records[0]}
    yield {"instances": records}
    yield {"instances": data}
    yield {"inputs": records}
    yield {"inputs": {column: [row[n] for row in data] for n, column in enumerate(columns)}}
    yield {"inputs": data}
    yield {"inputs": 5}
    yield {"dataframe_split": split, "dataframe_records": records}
    yield {"dataframe_split": split, "params": {"method": "predict_proba"}}
    yield {"dataframe_split": split, "params": {"method": "no_such_method"}}
    yield {"dataframe_split": split, "params": {"unknown": 1}}
    yield {"dataframe_split": split, "params": 3}
    yield {"dataframe_split": split, "other": 1}
    yield {"rows": data}
    yield {}
    yield []
    yield "text"
    yield None


@pytest.mark.parametrize("number", range(38))
@pytest.mark.parametrize("model", ["linear", "plain", "chooser"])
def test_status_and_predictions_are_those_of_mlflows_server(clients, rows, model, number):
    bodies = list(_bodies(rows))
    assert len(bodies) == 38
    ours, theirs = clients[model]
    body = json.dumps(bodies[number])
    mine = ours.post("/invocations", content=body, headers={"content-type": JSON})
    expected = theirs.post("/invocations", content=body, headers={"content-type": JSON})
    # Where MLflow breaks (500), the request is wrong, and that is what we answer.
    assert mine.status_code == min(expected.status_code, 400), expected.text
    if mine.status_code == 200:
        assert mine.text == expected.text
    else:
        assert set(mine.json()) == {"error_code", "message"}


@pytest.mark.parametrize("kind", ["csv", "parquet", "broken csv", "broken parquet", "latin-1"])
def test_tables_in_other_formats(clients, table, kind):
    frame = table(4)
    buffer = BytesIO()
    frame.to_parquet(buffer)
    content, media_type = {
        "csv": (frame.to_csv(index=False).encode(), "text/csv; charset=utf-8"),
        "parquet": (buffer.getvalue(), "application/vnd.apache.parquet"),
        "broken csv": (b'a,b\n"1', "text/csv"),
        "broken parquet": (b"PAR1", "application/vnd.apache.parquet"),
        "latin-1": (b"\xe4,b\n1,2\n", "text/csv"),
    }[kind]
    for ours, theirs in clients.values():
        mine = ours.post("/invocations", content=content, headers={"content-type": media_type})
        expected = theirs.post(
            "/invocations", content=content, headers={"content-type": media_type}
        )
        assert mine.status_code == expected.status_code
        if mine.status_code == 200:
            assert mine.text == expected.text


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/json; charset=latin-1", "application/json; profile=x"],
)
def test_other_content_types_are_415(clients, content_type):
    ours, theirs = clients["linear"]
    headers = {} if content_type is None else {"content-type": content_type}
    assert ours.post("/invocations", content=b"{}", headers=headers).status_code == 415
    if content_type is not None:  # MLflow's breaks without one
        assert theirs.post("/invocations", content=b"{}", headers=headers).status_code == 415


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe{}", b"[" * 100_000, b"", b"NaN"])
def test_what_is_not_json_is_400(clients, body):
    answer = clients["linear"][0].post("/invocations", content=body, headers={"content-type": JSON})
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "BAD_REQUEST"


# ---------------------------------------------------------------- batches

_cell = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=True, width=64),
    st.booleans(),
    st.sampled_from(["", "1", "x", "2020-01-01"]),
)
_usual_row = st.tuples(st.integers(0, 99), st.floats(-1e6, 1e6), st.floats(-1e3, 1e3))
_odd_row = st.tuples(_cell, _cell, _cell)


@st.composite
def _documents(draw):
    columns = draw(st.permutations(["age", "income", "hours"]))
    row = draw(st.sampled_from([_usual_row, _usual_row, _odd_row]))
    data = [list(cells) for cells in draw(st.lists(row, min_size=1, max_size=4))]
    if draw(st.booleans()):
        return {"dataframe_split": {"columns": columns, "data": data}}
    return {"dataframe_records": [dict(zip(columns, cells, strict=True)) for cells in data]}


@pytest.fixture(scope="module")
def scorers(models):
    """Scorers of models with and without a signature, and how often batches went through."""
    return [Scorer(mlflow.pyfunc.load_model(uri)) for uri in (models.linear, models.plain)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_documents(), min_size=2, max_size=5))
def test_a_batch_answers_exactly_what_each_request_gets_alone(scorers, documents):
    for scorer in scorers:
        by_key = {}
        for document in documents:
            request = scorer.read(json.dumps(document).encode(), JSON)
            if request.batch_key is not None:
                by_key.setdefault(request.batch_key, []).append(request)
        for requests in by_key.values():
            together = [_outcome(answer) for answer in scorer.score(requests)]
            alone = [_outcome(scorer.score([request])[0]) for request in requests]
            assert together == alone


def _outcome(answer):
    return answer.status if isinstance(answer, ScoringFailure) else answer


def test_integers_and_floats_of_a_double_column_go_together(scorers):
    scorer = scorers[0]
    bodies = [
        {"dataframe_split": {"columns": ["age", "income", "hours"], "data": [row]}}
        for row in ([40, 30000, 40], [41, 31000.5, 38.5], [42, 100, None])
    ]
    keys = {scorer.read(json.dumps(body).encode(), JSON).batch_key for body in bodies}
    assert len(keys) == 1
    assert None not in keys


def test_a_batch_is_one_call_of_the_model(models, table, monkeypatch):
    scorer = Scorer(mlflow.pyfunc.load_model(models.linear))
    calls = []
    predict = scorer._model.predict
    monkeypatch.setattr(
        scorer._model, "predict", lambda data, params=None: calls.append(len(data)) or predict(data)
    )
    frames = [table(n, seed=n) for n in (1, 5, 2)]
    answers = scorer.score([_request(scorer, frame) for frame in frames])
    assert calls == [8]
    assert [json.loads(answer)["predictions"] for answer in answers] == [
        predict(frame).tolist() for frame in frames
    ]


def test_a_bad_row_harms_its_own_request_only(models, table):
    scorer = Scorer(mlflow.pyfunc.load_model(models.linear))
    good, bad = table(2), table(2).assign(hours=[40.0, None])  # LogisticRegression takes no NaN
    requests = [_request(scorer, frame) for frame in (good, bad, good)]
    assert len({request.batch_key for request in requests}) == 1
    first, second, third = scorer.score(requests)
    assert first == third
    assert json.loads(first)["predictions"]
    assert isinstance(second, ScoringFailure)
    assert second.status == 400


def _request(scorer, frame):
    split = json.loads(frame.to_json(orient="split"))
    return scorer.read(json.dumps({"dataframe_split": split}).encode(), JSON)


def test_models_of_unknown_kind_are_not_combined(models, table, tmp_path):
    """A forecast, for example, depends on all rows of the request."""

    class Mean(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input["income"] - model_input["income"].mean()

    mlflow.pyfunc.save_model(tmp_path / "mean", python_model=Mean(), pip_requirements=[])
    model = mlflow.pyfunc.load_model(str(tmp_path / "mean"))
    assert _request(Scorer(model), table(2)).batch_key is None
    assert _request(Scorer(model, max_batch_rows=10), table(2)).batch_key is not None
    chooser = Scorer(mlflow.pyfunc.load_model(models.chooser))  # says that it is row-wise
    assert _request(chooser, table(2)).batch_key is not None


@pytest.mark.parametrize(
    "predictions",
    [
        np.arange(6),
        np.arange(12).reshape(6, 2),
        pd.Series(range(6), index=list("abcdef")),
        pd.DataFrame({"p": range(6)}, index=range(10, 16)),
        list("abcdef"),
    ],
)
def test_predictions_are_cut_where_requests_meet(predictions):
    parts = split_predictions(predictions, [1, 3, 2])
    assert [len(part) for part in parts] == [1, 3, 2]
    joined = np.concatenate([np.asarray(part) for part in parts])
    assert joined.tolist() == np.asarray(predictions).tolist()


@pytest.mark.parametrize("predictions", [np.arange(5), np.array(6), {"a": 1}, 6, "abcdef", None])
def test_predictions_of_another_length_are_not_cut(predictions):
    assert split_predictions(predictions, [1, 3, 2]) is None


# ---------------------------------------------------------------- messages


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda frame: frame.drop(columns="age"), r"missing inputs \['age'\].*age \(long\)"),
        (lambda frame: frame.assign(hours="TOP-SECRET"), r"hours \(double\)"),
        (lambda frame: frame.assign(age=[float("inf")] * len(frame)), r"age \(long\)"),
    ],
)
def test_refusals_name_columns_and_never_values(models, table, change, says):
    scorer = Scorer(mlflow.pyfunc.load_model(models.linear))
    frame = change(table(2))
    document = {"dataframe_records": frame.to_dict(orient="records")}
    (failure,) = scorer.score([scorer.read(json.dumps(document).encode(), JSON)])
    assert failure.status == 400
    with pytest.raises(ScoringFailure, match=says):
        raise failure
    assert "TOP-SECRET" not in failure.to_json()
    for value in frame.select_dtypes("number").to_numpy().ravel():
        if math.isfinite(value):
            assert repr(float(value)) not in failure.to_json()


def _app(models, score=None, **config):
    scorer = Scorer(mlflow.pyfunc.load_model(models.linear))
    if score is not None:
        scorer.score = score(scorer.score)
    return _Client(
        ScoringApp(
            scorer, ServingConfig(**config), guard=OpenDoor(), identity={"deployment": "d"}
        ).to_asgi()
    )


def _slow(*seconds):
    """Make the first predictions take that long."""
    waits = list(seconds)

    def wrap(score):
        def slow(requests):
            time.sleep(waits.pop(0) if waits else 0)
            return score(requests)

        return slow

    return wrap


def _invocation(table):
    body = {"dataframe_records": table(1).to_dict(orient="records")}
    return {"method": "POST", "url": "/invocations", "json": body}


def test_a_slow_model_times_out_and_the_next_request_is_served(models, table):
    client = _app(models, _slow(1.5), request_timeout_seconds=1.0)
    late, next_one = client.send(_invocation(table), _invocation(table), pause_seconds=0.9)
    assert (late.status_code, late.json()["error_code"]) == (504, "DEADLINE_EXCEEDED")
    assert next_one.status_code == 200


def test_a_full_queue_answers_429(models, table):
    client = _app(models, _slow(1.0), max_queue=1)
    first, second, third = client.send(*[_invocation(table)] * 3, pause_seconds=0.2)
    assert (first.status_code, second.status_code) == (200, 200)
    assert (third.status_code, third.headers["retry-after"]) == (429, "1")
    assert third.json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"


def test_a_body_that_is_too_large_answers_413_however_it_comes(models):
    client = _app(models, max_body_mib=0.001)
    large = b'{"dataframe_records": [' + b" " * 2000 + b"]}"

    async def stream():
        yield large[:1000]
        yield large[1000:]

    for content in (large, stream()):
        answer = client.post("/invocations", content=content, headers={"content-type": JSON})
        assert (answer.status_code, answer.headers["connection"]) == (413, "close")


def test_the_description_is_true(models, table):
    document = _app(models).get("/openapi.json").json()
    content = document["paths"]["/invocations"]["post"]["requestBody"]["content"]
    forms = content["application/json"]["schema"]["oneOf"]
    records = next(form for form in forms if form["required"] == ["dataframe_records"])
    record = records["properties"]["dataframe_records"]["items"]
    assert record["required"] == ["age", "income", "hours"]
    assert {name: one["type"] for name, one in record["properties"].items()} == {
        "age": "integer",
        "income": "number",
        "hours": "number",
    }
    assert set(content) == {JSON, "text/csv", "application/vnd.apache.parquet"}
