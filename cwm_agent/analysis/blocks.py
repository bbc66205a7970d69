"""What a `return`, `break` or `continue` has to pass on its way out: loops, `with` blocks and `finally` bodies."""

from __future__ import annotations

import ast
from collections.abc import Callable

from msgspec import Struct

from cwm_agent.analysis.graph import Graph, Op


class Block(Struct, frozen=True):
    """One block around the running statement; `handler` is where exceptions go outside of it.

    A loop has its two labels and what it goes over, a `with` its item, a `try` with `finally` that body.
    """

    handler: int | None
    exit: int = -1
    again: int = -1
    over: ast.expr | None = None
    item: ast.withitem | None = None
    line: int = 0
    final: tuple[ast.stmt, ...] = ()
    waits: bool = False

    @property
    def is_loop(self) -> bool:
        """Whether `break` and `continue` mean this one."""
        return self.exit >= 0


class Blocks:
    """The blocks around the running statement, the innermost last."""

    def __init__(self, graph: Graph, run: Callable[[tuple[ast.stmt, ...]], None]) -> None:
        self._graph = graph
        self._run = run
        self.stack: list[Block] = []

    def unwind(self, *, to_loop: bool = False) -> Block | None:
        """Leave all blocks, or those within the innermost loop, which is given back; the stack stays as it is."""
        graph, kept = self._graph, self.stack
        handler = graph.handler
        found: Block | None = None
        for at in range(len(kept) - 1, -1, -1):
            block = kept[at]
            if block.is_loop and to_loop:
                found = block
                break
            if block.over is not None:
                graph.step(Op.DROP, 0, block.over)
            graph.handler = block.handler
            self.stack = kept[:at]
            if block.item is not None:
                leave(graph, block)
                graph.artificial()
            elif block.final:
                self._run(block.final)
                graph.artificial()
        self.stack, graph.handler = kept, handler
        return found


def leave(graph: Graph, block: Block) -> None:
    """Call the `__exit__` of a `with` block that ends in order."""
    assert block.item is not None
    graph.either(Op.EXIT, (block.line, block.item.context_expr.lineno), block.item)
    if block.waits:
        graph.step(Op.DELEGATE, graph.nodes[graph.open[-1]].line, block.item)
