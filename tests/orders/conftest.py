"""The shop that the tests of orders begin with."""

import pytest

from tests.orders.shop import Shop, a_shop


@pytest.fixture
def shop(db: None) -> Shop:
    return a_shop()
