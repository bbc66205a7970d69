"""A few repairs where real pytest decides, with folders, fixtures, parameters and a test that hangs."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cwm_agent.policies.forager.policy import Forager
from cwm_agent.settings import ForagerSettings
from tests.unit.forager.doubles import Conversation, Repository
from tests.unit.forager.pytest_bench import PytestBench

SHOP = {
    "shop/__init__.py": "",
    "shop/config.py": "FREE_FROM = 500\nRATE = 49\n",
    "shop/price.py": (
        "from shop.config import FREE_FROM, RATE\n\n\n"
        "def total(items):\n    return sum(price * count for price, count in items)\n\n\n"
        "def shipping(items):\n    return 0 if total(items) >= FREE_FROM else RATE\n"
    ),
    "tests/test_price.py": (
        "import pytest\nfrom shop.price import shipping, total\n\n\n"
        "@pytest.fixture\ndef basket():\n    return [(10, 2), (5, 1)]\n\n\n"
        "def test_total(basket):\n    assert total(basket) == 25\n\n\n"
        "@pytest.mark.parametrize(('price', 'cost'), [(499, 49), (500, 0), (501, 0)])\n"
        "def test_shipping(price, cost):\n    assert shipping([(price, 1)]) == cost\n"
    ),
}
BUGS = {
    "operator": ("shop/price.py", "price * count", "price + count"),
    "bound": ("shop/price.py", ">= FREE_FROM", "> FREE_FROM"),
}


@pytest.fixture
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Conversation]:
    path, right, wrong = BUGS[request.param]
    repository = Repository({**SHOP, path: SHOP[path].replace(right, wrong)})
    bench = PytestBench(repository.files)
    yield Conversation(repository, bench, Forager(bench, repository, ForagerSettings(test_seconds=2)))
    await bench.aclose()


@pytest.mark.parametrize("shop", list(BUGS), indirect=True)
async def test_the_shop_is_repaired(shop: Conversation) -> None:
    answer = await shop.ask("please fix the failing tests")
    assert shop.submitted, answer
    assert shop.repository.files == SHOP, answer


async def test_a_test_that_hangs_is_repaired() -> None:
    code = "def halvings(number):\n    count = 0\n    while number {} 1:\n        number = number // 2\n"
    code += "        count += 1\n    return count\n"
    checks = "from maths import halvings\n\n\ndef test_none():\n    assert halvings(0) == 0\n\n\n"
    checks += "def test_some():\n    assert halvings(9) == 3\n"
    repository = Repository({"maths.py": code.format("!="), "test_maths.py": checks})
    bench = PytestBench(repository.files)
    talk = Conversation(repository, bench, Forager(bench, repository, ForagerSettings(test_seconds=0.1)))
    answer = await talk.ask("test_none hangs")
    await bench.aclose()
    assert repository.files["maths.py"] == code.format(">"), answer
