"""What a forked child may use, and how many may run at once."""

from __future__ import annotations

import os
import resource

_FILE_BYTES = 256 * 1024 * 1024
_MOST_MEMORY = 1024 * 1024 * 1024
_LEAST_MEMORY = 192 * 1024 * 1024


def _number(path: str, field: int = 0) -> int:
    """A number in a file of the kernel's; 0 where there is none."""
    try:
        with open(path) as file:
            return int(file.read().split()[field])
    except (OSError, ValueError, IndexError):
        return 0


def processors() -> int:
    """How many processors we may really use: the affinity, cut by the control group's quota."""
    count = len(os.sched_getaffinity(0))
    quota = _number("/sys/fs/cgroup/cpu.max")
    period = _number("/sys/fs/cgroup/cpu.max", 1)
    if quota <= 0:
        quota = _number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
        period = _number("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    if quota > 0 and period > 0:
        count = min(count, max(1, round(quota / period)))
    return max(1, min(16, count))


def memory_allowance(children: int) -> int:
    """How many bytes a child may add to what its parent holds."""
    limits = [
        _number("/sys/fs/cgroup/memory.max"),
        _number("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    ]
    total = min(limit for limit in limits if limit > 0)
    return max(_LEAST_MEMORY, min(_MOST_MEMORY, total // (2 * children)))


def held_memory() -> int:
    """Private writable memory of this process, in bytes."""
    return _number("/proc/self/statm", 5) * os.sysconf("SC_PAGE_SIZE")


def confine(memory: int) -> None:
    """Bound this process: private memory in all, the size of a file; no core dump; first choice of the OOM killer."""
    for kind, wanted in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(kind, (limit, hard))
        except (ValueError, OSError):
            continue
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        return
