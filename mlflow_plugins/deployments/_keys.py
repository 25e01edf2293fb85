"""Keys of a deployment: shown once, kept as a hash on the deployment's newest record.

Keys outlive generations. `update_deployment` and a key's writer may work at the same time, so each
looks again after it has written: the writer for a newer generation, the updater for keys that
changed on the old one (`carry_over`). One of the two always sees the other.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from mlflow_plugins.core import AssetStore, Clock, InvalidInput, NotFound, SystemClock
from mlflow_plugins.deployments._entities import DEPLOYMENT

_TAG = "studio.key/"
_SYSTEM_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is stored about a key; the key itself is nowhere.

    Attributes:
        id: Tells it apart from others of the deployment.
        sha256: Hash of the key, in hexadecimal digits.
        label: For people.
        created_at: Seconds since the epoch.
        expires_at: Seconds since the epoch; None if it stays valid.
        is_revoked: Whether it was taken back.
    """

    id: str
    sha256: str
    label: str
    created_at: float
    expires_at: float | None
    is_revoked: bool = False

    def is_valid(self, now: float) -> bool:
        """Tell whether it opens the deployment at that time."""
        return not self.is_revoked and (self.expires_at is None or now < self.expires_at)


def issue_key(
    store: AssetStore,
    name: str,
    *,
    seconds: float | None = None,
    label: str = "",
    clock: Clock = _SYSTEM_CLOCK,
) -> str:
    """Make a new key for a deployment and return it; it cannot be read again.

    Args:
        store: Where the deployment is kept.
        name: The deployment.
        seconds: How long it is valid; for ever if None.
        label: For people.
        clock: Tells the time.

    Raises:
        NotFound: There is no such deployment.
        InvalidInput: The time is not positive.
    """
    if seconds is not None and seconds <= 0:
        raise InvalidInput(f"A key cannot be valid for {seconds} seconds. Give a positive number.")
    text, now = secrets.token_urlsafe(32), clock.now()
    key = Key(
        id=secrets.token_hex(4),
        sha256=hash_key(text),
        label=label,
        created_at=now,
        expires_at=None if seconds is None else now + seconds,
    )
    _write(store, name, key)
    _forget_expired(store, name, now)
    return text


def list_keys(store: AssetStore, name: str) -> list[Key]:
    """Read what is known about the keys of a deployment, oldest first.

    Raises:
        NotFound: There is no such deployment.
    """
    record = store.records.get(store.get(DEPLOYMENT, name).record_id)
    return sorted(read_keys(record.tags), key=lambda key: (key.created_at, key.id))


def revoke_key(store: AssetStore, name: str, key_id: str) -> None:
    """Take a key back; servers stop accepting it within seconds.

    Raises:
        NotFound: There is no such deployment or key.
    """
    keys = {key.id: key for key in list_keys(store, name)}
    if key_id not in keys:
        known = ", ".join(keys) or "none"
        raise NotFound(f"The deployment {name!r} has no key {key_id!r}. Its keys: {known}.")
    _write(store, name, Key(**asdict(keys[key_id]) | {"is_revoked": True}))


def hash_key(text: str) -> str:
    """Return what is stored in place of a key (which is random, so a plain hash is enough)."""
    return hashlib.sha256(text.encode()).hexdigest()


def find_key(keys: Iterable[Key], text: str, now: float) -> Key | None:
    """Return the valid key that `text` is, comparing all of them in constant time."""
    digest, found = hash_key(text), None
    for key in keys:
        if hmac.compare_digest(key.sha256, digest) and key.is_valid(now):
            found = key
    return found


def read_keys(tags: Mapping[str, str]) -> list[Key]:
    """Read the keys out of a record's tags."""
    return [Key(**json.loads(value)) for tag, value in tags.items() if tag.startswith(_TAG)]


def carried_tags(tags: Mapping[str, str], now: float) -> dict[str, str]:
    """Return the tags that keep the valid keys, for the record of a new generation."""
    return {_TAG + key.id: tags[_TAG + key.id] for key in read_keys(tags) if key.is_valid(now)}


def carry_over(
    store: AssetStore, old_record_id: str, new_record_id: str, copied: Mapping[str, str]
) -> None:
    """Repeat on a new generation what happened to keys since `copied` was read off the old one."""
    tags = store.records.get(old_record_id).tags
    changed = {
        tag: value
        for tag, value in tags.items()
        if tag.startswith(_TAG) and copied.get(tag) != value
    }
    if changed:
        store.records.set_tags(new_record_id, changed)


def _write(store: AssetStore, name: str, key: Key) -> None:
    asset = store.get(DEPLOYMENT, name)
    while True:
        store.records.set_tags(asset.record_id, {_TAG + key.id: json.dumps(asdict(key))})
        newest = store.get(DEPLOYMENT, name)
        if newest.record_id == asset.record_id:
            return
        asset = newest


def _forget_expired(store: AssetStore, name: str, now: float) -> None:
    record_id = store.get(DEPLOYMENT, name).record_id
    for key in read_keys(store.records.get(record_id).tags):
        if key.expires_at is not None and key.expires_at <= now:
            store.records.delete_tag(record_id, _TAG + key.id)
