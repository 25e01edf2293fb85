"""Keys outlive generations, and a change of a key is never lost to an update."""

import asyncio
from dataclasses import replace

import pytest

from mlflow_plugins.core import InvalidInput, NotFound
from mlflow_plugins.deployments import (
    DEPLOYMENT,
    create_deployment,
    issue_key,
    list_keys,
    revoke_key,
    update_deployment,
)
from mlflow_plugins.deployments import _keys as keys_module
from mlflow_plugins.deployments._failures import ScoringFailure
from mlflow_plugins.deployments._key_ring import KeyRing
from mlflow_plugins.deployments._keys import Key, carried_tags, carry_over, find_key, hash_key


class Time:
    def __init__(self, now=1_000_000.0):
        self.time = now

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds


def _opens(store, name, text, now=2e9):
    return find_key(list_keys(store, name), text, now) is not None


@pytest.fixture
def deployment(store, models, name):
    _, key = create_deployment(store, name, models.linear)
    yield name, key
    store.delete(DEPLOYMENT, name)


def test_the_key_of_the_creation_opens_and_only_its_hash_is_stored(store, deployment):
    name, key = deployment
    assert _opens(store, name, key)
    assert not _opens(store, name, key[:-1])
    assert not _opens(store, name, hash_key(key))
    record = store.records.get(store.get(DEPLOYMENT, name).record_id)
    assert key not in repr(record)
    assert hash_key(key) in repr(record)


def test_an_expired_key_does_not_open_and_is_forgotten(store, deployment):
    name, _ = deployment
    time = Time()
    key = issue_key(store, name, seconds=60, label="short", clock=time)
    assert _opens(store, name, key, time.now() + 59)
    assert not _opens(store, name, key, time.now() + 60)
    time.sleep(60)
    issue_key(store, name, seconds=60, label="later", clock=time)
    assert [one.label for one in list_keys(store, name)] == ["later", "primary"]
    with pytest.raises(InvalidInput, match="-1 seconds"):
        issue_key(store, name, seconds=-1)


def test_keys_survive_an_update_and_revoked_ones_do_not(store, deployment, models):
    name, key = deployment
    revoked = issue_key(store, name, label="revoked")
    (key_id,) = [one.id for one in list_keys(store, name) if one.label == "revoked"]
    revoke_key(store, name, key_id)
    assert not _opens(store, name, revoked)
    update_deployment(store, name, model_uri=models.other)
    assert _opens(store, name, key)
    assert not _opens(store, name, revoked)
    with pytest.raises(NotFound, match="has no key 'abc'"):
        revoke_key(store, name, "abc")


def test_a_key_issued_while_an_update_publishes_reaches_the_new_generation(
    store, deployment, models, monkeypatch
):
    """Both orders: the writer sees the new generation, or the updater sees the new key."""
    name, _ = deployment
    issued = []

    def issue_then_carry(*arguments):
        # The old record gets a key after it was copied, as if its writer had not looked again.
        old_record_id = arguments[1]
        text = "written-late"
        late = Key(id="late", sha256=hash_key(text), label="", created_at=0, expires_at=None)
        store.records.set_tags(
            old_record_id, {"studio.key/late": keys_module.json.dumps(keys_module.asdict(late))}
        )
        issued.append(text)
        carry_over(*arguments)

    monkeypatch.setattr(keys_module, "carry_over", issue_then_carry)
    update_deployment(store, name)
    assert _opens(store, name, issued[0])
    monkeypatch.undo()

    get, did_update = store.get, []

    def get_then_update(*arguments, **options):
        asset = get(*arguments, **options)
        if not did_update:
            did_update.append(True)
            update_deployment(store, name)
        return asset

    monkeypatch.setattr(store, "get", get_then_update)
    key = issue_key(store, name)
    monkeypatch.undo()
    assert _opens(store, name, key)


def test_a_revocation_during_an_update_stands(store, deployment):
    name, key = deployment
    old = store.get(DEPLOYMENT, name)
    copied = carried_tags(store.records.get(old.record_id).tags, 0)
    (key_id,) = [one.id for one in list_keys(store, name)]
    revoke_key(store, name, key_id)
    new = store.create(DEPLOYMENT, name, old.spec)
    store.records.set_tags(new.record_id, copied)
    assert _opens(store, name, key)
    carry_over(store, old.record_id, new.record_id, copied)
    assert not _opens(store, name, key)


# ---------------------------------------------------------------- the ring of a server


def _key(text, **changes):
    key = Key(id="a", sha256=hash_key(text), label="", created_at=0, expires_at=None)
    return replace(key, **changes)


def test_a_new_key_is_looked_up_and_strangers_share_lookups():
    lookups = []

    def read():
        lookups.append(True)
        return [_key("new")]

    async def go():
        ring = KeyRing(read)
        await ring.check("Bearer new")
        await ring.check("bearer new")
        outcomes = await asyncio.gather(
            *[ring.check(f"Bearer wrong{n}") for n in range(50)], return_exceptions=True
        )
        return [outcome.status for outcome in outcomes]

    assert asyncio.run(go()) == [401] * 50
    assert len(lookups) <= 3


def test_a_store_that_is_away_refuses_strangers_only():
    def read():
        raise OSError

    async def go():
        ring = KeyRing(read)
        ring.replace([_key("known"), _key("old", expires_at=1.0), _key("back", is_revoked=True)])
        await ring.check("Bearer known")
        statuses = []
        for text in ("stranger", "old", "back"):
            with pytest.raises(ScoringFailure) as refusal:
                await ring.check(f"Bearer {text}")
            statuses.append(refusal.value.status)
        return statuses

    assert asyncio.run(go()) == [503, 503, 503]
