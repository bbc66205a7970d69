from stack import Stack


def test_order():
    stack = Stack()
    for item in "abc":
        stack.push(item)
    assert [stack.pop() for _ in range(3)] == ["c", "b", "a"]


def test_depth():
    stack = Stack()
    stack.push(1)
    assert stack.depth == 1


def holdout_mixed():
    stack = Stack()
    stack.push(1)
    stack.push(2)
    assert stack.pop() == 2
    stack.push(3)
    assert stack.pop() == 3
