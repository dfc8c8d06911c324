"""What every test starts from."""

from collections.abc import Iterator

import pytest

from autograd.core.table import BUILT_IN, EVERY, OPS


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """The operation table as autograd has it: rows that a test makes end with it."""
    yield
    for rows in (OPS, EVERY):
        for name in rows.keys() - BUILT_IN:
            del rows[name]
