"""Who is let in, and when."""

from __future__ import annotations

import asyncio

from cwm_agent.core.turnstile import Turnstile


async def test_of_those_who_wait_the_lowest_rank_is_first_and_of_one_rank_who_came_first() -> None:
    gate, order = Turnstile(1), []

    async def visit(name: str, rank: float) -> None:
        async with gate.admitted(rank):
            order.append(name)
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        for name, rank in (("inside", 9), ("c", 1), ("a", 0), ("d", 1), ("b", 0.5)):
            group.create_task(visit(name, rank))
    assert order == ["inside", "a", "b", "c", "d"]


async def test_never_more_than_there_are_places_also_where_some_are_called_away() -> None:
    gate, inside, most = Turnstile(3), 0, 0

    async def visit() -> None:
        nonlocal inside, most
        async with gate.admitted():
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(0.005)
            finally:
                inside -= 1

    tasks = [asyncio.create_task(visit()) for _ in range(40)]
    await asyncio.sleep(0.008)
    for task in tasks[::3]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (most, inside) == (3, 0)
    async with asyncio.timeout(1), gate.admitted(), gate.admitted(), gate.admitted():
        pass


async def test_one_who_is_let_in_and_called_away_at_the_same_moment_gives_the_place_back() -> None:
    gate = Turnstile(1)
    async with gate.admitted():
        waiting = asyncio.create_task(_pass(gate))
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1), gate.admitted():
        pass


async def _pass(gate: Turnstile) -> None:
    async with gate.admitted():
        pass
