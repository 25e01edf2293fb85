"""Contracts as classes of tests.

Offer the fixture that a contract asks for, name a subclass ``Test...``, and pytest runs the
contract on your implementation::

    @pytest.fixture(scope="module")
    def tracking_uri():
        return "http://mlflow.example:5000"


    class TestMyStore(StoreContract):
        pass
"""

from pkgutil import iter_modules

import pytest

pytest.register_assert_rewrite(*(f"{__name__}.{part.name}" for part in iter_modules(__path__)))

from mlflow_plugins.testing.contracts.store import StoreContract  # noqa: E402

__all__ = ["StoreContract"]
