"""The folder of a local workspace: what lies where, and one owner at a time."""

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mlflow_plugins.core import InvalidInput, StudioError


@dataclass(frozen=True, slots=True)
class WorkspaceFolder:
    """Everything that `mlflow-studio up` keeps on disk lies below one folder."""

    root: Path

    @property
    def database(self) -> Path:
        """MLflow's SQLite database."""
        return self.root / "mlflow.db"

    @property
    def artifacts(self) -> Path:
        """Files of runs, models and data assets."""
        return self.root / "artifacts"

    @property
    def agent(self) -> Path:
        """The agent's own files: job folders, caches, logs of scoring servers."""
        return self.root / "agent"

    @property
    def uploads(self) -> Path:
        """What browsers are sending."""
        return self.root / "uploads"

    @property
    def logs(self) -> Path:
        """Logs of the server and of the agent."""
        return self.root / "logs"

    @property
    def auth_config(self) -> Path:
        """Configuration of MLflow's basic auth."""
        return self.root / "auth.ini"

    @property
    def auth_database(self) -> Path:
        """Users and permissions of MLflow's basic auth."""
        return self.root / "auth.db"

    @property
    def admin_password(self) -> Path:
        """The first password of the user ``admin``, readable by the owner alone."""
        return self.root / "admin-password"

    @property
    def secret_key(self) -> Path:
        """What the server signs its forms with, readable by the owner alone."""
        return self.root / "secret-key"

    @property
    def backend_store_uri(self) -> str:
        """The database as MLflow wants to hear it."""
        return f"sqlite:///{self.database}"

    def prepare(self) -> None:
        """Make the folders.

        Raises:
            InvalidInput: The folder cannot be made or written.
        """
        try:
            for folder in (self.root, self.artifacts, self.agent, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(
                f"The workspace folder {str(self.root)!r} cannot be made ({error.strerror}). "
                "Choose another one with --folder."
            ) from error

    def enable_wal(self) -> None:
        """Let readers and one writer work at the same time in the SQLite database.

        SQLite keeps the mode in the file, so once is enough; writes become two to three times
        faster and reads no longer wait for them.
        """
        with sqlite3.connect(self.database) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        connection.close()

    def secret(self, path: Path) -> str:
        """Return the secret in a file of this folder, making a new one on first use."""
        with suppress(FileExistsError):
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(24))
        return path.read_text(encoding="ascii").strip()

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Be the only `up` of this folder; the system lets go of it when the process ends.

        Raises:
            StudioError: Another process owns it.
        """
        with (self.root / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise StudioError(
                    f"The workspace folder {str(self.root)!r} is in use by the process "
                    f"{file.read().strip()}. Stop that one, or choose another --folder."
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield
