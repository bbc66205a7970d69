"""One code object laid out: its steps, by line, and which of them a line begins with."""

from __future__ import annotations

from collections.abc import Iterable

from cwm_agent.analysis.codes import Code
from cwm_agent.analysis.graph import MAYBE, SURE, Graph, Node, Op
from cwm_agent.analysis.raising import definitely_bound, raises


class Reach:
    """What can be come to on one line: the steps on it, the lines after it, the lines that a return would show."""

    def __init__(self) -> None:
        self.steps: list[Node] = []
        self.lines: set[int] = set()
        self.returned: set[int] = set()


class Layout:
    """The graph of a code object, and what of it can be reached."""

    def __init__(self, code: Code, graph: Graph, known: frozenset[str]) -> None:
        self.code = code
        self.nodes = graph.nodes
        bound = definitely_bound(graph, code)
        self.reachable = self._reachable()
        self.raising = frozenset(
            number for number in self.reachable if raises(graph.nodes[number], code, bound[number], known)
        )
        self.begins: dict[int, list[int]] = {}
        self.gives_back: dict[int, list[int]] = {}
        self.lines = frozenset(graph.nodes[number].at for number in self.reachable) - {0}
        self._find_begins()

    def _reachable(self) -> frozenset[int]:
        found, waiting = {0}, [0]
        while waiting:
            node = self.nodes[waiting.pop()]
            targets = [target for target, _ in node.edges]
            if node.handler is not None:
                targets.append(node.handler)
            for target in targets:
                if target not in found:
                    found.add(target)
                    waiting.append(target)
        return frozenset(found)

    def _find_begins(self) -> None:
        for number in sorted(self.reachable):
            node = self.nodes[number]
            if node.op in (Op.YIELD, Op.DELEGATE):
                self.gives_back.setdefault(node.raw, []).append(number)
            for target, again in node.edges:
                line = self.nodes[target].line
                if line and (line != node.line or again) and target not in self.begins.setdefault(line, []):
                    self.begins[line].append(target)

    def walk(self, at: Iterable[int], to: Iterable[tuple[int, int]], line: int, stops: frozenset[int]) -> Reach:
        """Follow the flow as long as it stays on the line; it does not pass the steps of `stops`.

        It runs the steps of `at`, and comes to those of `to`, each with how surely its line is reported anew (0, MAYBE
        or SURE) where it is the line that is shown already.
        """
        found, seen = Reach(), set()
        waiting = [(number, 0, True) for number in at] + [(number, anew, False) for number, anew in to]
        while waiting:
            number, anew, standing = state = waiting.pop()
            if state in seen:
                continue
            seen.add(state)
            node = self.nodes[number]
            if node.line and not standing and (anew or node.line != line):
                found.lines.add(node.line)
                if anew == SURE or node.line != line:
                    continue
            if node not in found.steps:
                found.steps.append(node)
            if number not in stops:
                waiting += [(target, anew, False) for target, anew in self._after(node, anew, line, found)]
        return found

    def _after(self, node: Node, anew: int, line: int, found: Reach) -> list[tuple[int, int]]:
        """What comes after a step."""
        if node.op is Op.RETURN:
            found.returned.add(node.at or line)
        if node.op is Op.RERAISE:
            if node.handler is None:
                found.returned |= {node.at or line, *self._origins(node)}
                return []
            return [(node.handler, MAYBE)]
        return self.onward(node.number, 0 if node.line else max(anew, MAYBE if node.blank else 0))

    def _origins(self, node: Node) -> set[int]:
        """The lines at which an exception that is raised again may have been raised first."""
        found: set[int] = set()
        seen: set[int] = set()
        waiting = [node.restores]
        while waiting:
            handler = waiting.pop()
            if handler is None or handler in seen:
                continue
            seen.add(handler)
            for number in self.reachable:
                origin = self.nodes[number]
                if origin.handler == handler:
                    waiting.append(origin.restores)
                    if origin.op is not Op.NOTHING:
                        found.add(origin.at)
        return found - {0}

    def onward(self, number: int, anew: int = 0) -> list[tuple[int, int]]:
        """The steps after one, each with how surely its line is reported anew; `anew` where nothing else tells."""
        edges = self.nodes[number].edges
        return [(target, again if again and not self.nodes[target].quiet else anew) for target, again in edges]

    def is_start(self, line: int) -> bool:
        """Whether a call frame may show this line: that of the first decorator or the `def`."""
        return line in (self.code.first, getattr(self.code.node, "lineno", self.code.first))

    def entered(self, line: int) -> tuple[list[int], list[tuple[int, int]]]:
        """The steps that run when a call frame shows this line, and those that are come to: `at` and `to` of a walk."""
        to = self.onward(0, SURE) if line == self.code.first else []
        waiting = self.gives_back.get(line, [])
        to += [each for number in waiting for each in self.onward(number)]
        return [number for number in waiting if self.nodes[number].op is Op.DELEGATE], to

    def from_line(self, line: int) -> Reach:
        """All that can be come to from a line, whatever it calls, or from the start where this is a line of that."""
        to = self.onward(0, SURE) if self.is_start(line) else []
        to += [each for number in self.gives_back.get(line, []) for each in self.onward(number)]
        return self.walk(self.begins.get(line, []), to, line, frozenset())

    def handled(self, steps: Iterable[Node], line: int) -> Reach:
        """Where exceptions of these steps go, that show this line."""
        handlers = {node.handler for node in steps}
        to = [(number, MAYBE) for number in sorted(number for number in handlers if number is not None)]
        reach = self.walk([], to, line, frozenset())
        if None in handlers:
            reach.returned.add(line)
        return reach
