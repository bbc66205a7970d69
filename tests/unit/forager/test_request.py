from __future__ import annotations

import pytest

from cwm_agent.policies.forager.request import Decline, Target, resolve, understand

REPAIRS = [
    ("fix the failing tests", Target()),
    ("test_refund fails, please fix it", Target(tests=("test_refund",))),
    ("tests/test_cart.py::test_total", Target(tests=("tests/test_cart.py::test_total",))),
    (
        "please fix tests/test_cart.py::TestCart::test_total[1-2] and test_refund",
        Target(tests=("tests/test_cart.py::TestCart::test_total[1-2]", "test_refund")),
    ),
    ("Fix cart.py", Target(files=("cart.py",))),
    ("cart.py is broken", Target(files=("cart.py",))),
    ("can you make the tests pass?", Target()),
    ("make test_refund pass", Target(tests=("test_refund",))),
    ("find out why test_refund fails and fix it", Target(tests=("test_refund",))),
    ("the refund function returns the wrong total", Target(functions=("refund",))),
    ("`refund_total` is off by one", Target(functions=("refund_total",))),
    ("there is a bug in payments/refunds.py", Target(files=("payments/refunds.py",))),
    ("yes please", Target()),
    ("Yes.", Target()),
    ("go ahead", Target()),
    ("try again", Target()),
    ("find another way", Target()),
    ("please try something else", Target()),
    ("A different fix, please.", Target()),
    ("is there another solution?", Target()),
    ("pytest is red, help", Target()),
    ("run the tests and fix what fails", Target()),
    ("help me fix the bug in Cart.total", Target(functions=("Cart.total",))),
    ("I have a failing test", Target()),
    ("TestCart fails", Target(tests=("TestCart",))),
    ("tests/test_cart.py", Target(files=("tests/test_cart.py",))),
    ("TestCart.test_total is failing", Target(tests=("TestCart::test_total",))),
    ("parse_date() crashes on empty input", Target(functions=("parse_date",))),
    ("when I call refund() with 0 it crashes", Target(functions=("refund",))),
    ("could you please repair the build", Target()),
    ("test_slow hangs", Target(tests=("test_slow",))),
    ("the tests don't pass", Target()),
    ("tests/a/test_a.py and tests/b/test_b.py are failing", Target(files=("tests/a/test_a.py", "tests/b/test_b.py"))),
    ("get test_a, test_b and test_c green", Target(tests=("test_a", "test_b", "test_c"))),
    ("debug payments.refunds.refund", Target(functions=("payments.refunds.refund",))),
    ("solve the failing tests in ./tests/test_x.py", Target(files=("tests/test_x.py",))),
    ("hi, can you fix test_y?", Target(tests=("test_y",))),
    ("the suite stopped working after my last commit", Target()),
    ("search for the bug and repair it", Target()),
    ("let's get the tests to pass", Target()),
    ("errors.py raises an AssertionError", Target(files=("errors.py",))),
    ("FIX IT", Target()),
]
DECLINED = [
    "",
    "explain how cart.py works",
    "why does test_refund fail?",
    "add a feature for discounts",
    "write a test for refund()",
    "implement multiplication so that test_mul passes",
    "refactor cart.py",
    "rename foo to bar",
    "What is this repository about?",
    "hello",
    "thanks!",
    "write something else",
    "another test for the cart",
    "delete everything",
    "update the README",
    "optimize the code",
    "please document errors.py",
]
TESTS = (
    "tests/test_cart.py::TestCart::test_total[1-2]",
    "tests/test_cart.py::test_refund",
    "tests/test_date.py::test_day",
)


@pytest.mark.parametrize(("prompt", "expected"), REPAIRS)
def test_a_repair_is_understood(prompt: str, expected: Target) -> None:
    assert understand(prompt) == expected


@pytest.mark.parametrize("prompt", DECLINED)
def test_anything_else_is_declined_with_an_offer(prompt: str) -> None:
    answer = understand(prompt)
    assert isinstance(answer, Decline)
    assert "I repair failing tests" in answer.text
    assert answer.text.endswith("?")


def test_the_offer_names_the_file() -> None:
    answer = understand("explain cart.py")
    assert isinstance(answer, Decline)
    assert "cart.py" in answer.text


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (Target(tests=("test_refund",)), (TESTS[1],)),
        (Target(tests=("tests/test_cart.py::TestCart::test_total",)), (TESTS[0],)),
        (Target(tests=("TestCart",)), (TESTS[0],)),
        (Target(tests=("TestCart::test_total",)), (TESTS[0],)),
        (Target(files=("test_cart.py",)), TESTS[:2]),
        (Target(files=("cart.py",)), ()),
    ],
)
def test_names_are_found_among_the_tests(target: Target, found: tuple[str, ...]) -> None:
    resolved = resolve(target, TESTS)
    assert resolved.tests == found
    assert resolved.unknown == ()


def test_a_misspelt_name_gets_a_hint() -> None:
    resolved = resolve(Target(tests=("test_refnd",)), TESTS)
    assert resolved.unknown == ("test_refnd",)
    assert resolved.hint == "Did you mean test_refund?"
