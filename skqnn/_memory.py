"""How much memory this process may use, and a refusal of what cannot fit into it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_SMALL = 2**26  # bytes that no limit forbids, so that small calls need not look
_ANGLE = 2**10  # bytes for an angle and its gates in a circuit that nothing has read


def require_memory(
    n_qubits: int,
    n_samples: int,
    itemsize: int = 8,
    others: int = 0,
    cure: str | None = None,
) -> None:
    """Refuse states that cannot fit in memory, before allocating them.

    Parameters
    ----------
    n_qubits, n_samples, itemsize : int
        Size of the states, an amplitude in bytes.
    others : int
        Bytes for each basis state that are held besides.
    cure : str
        What to do, for the error; None: fewer qubits or fewer samples.

    Raises
    ------
    MemoryError
        With the number of qubits and the size in GiB.
    """
    each, gib, limit = n_samples * itemsize + others, 0, memory_limit
    if n_qubits < 64:  # larger powers may take memory themselves
        need = each * 2**n_qubits
        if need <= _SMALL or need <= limit():
            return
        gib = need // 2**30
    size = f"{gib:,}" if gib else f"2**{each.bit_length() + n_qubits - 31}"
    fewer = "" if n_samples == 1 else " or fewer samples per call"
    raise MemoryError(
        f"{n_samples} state(s) of {n_qubits} qubits need {size} GiB of memory, with "
        f"all that is held besides, but this process may use {limit() / 2**30:.1f} "
        f"GiB; {cure or f'use fewer qubits{fewer}'}."
    )


def angles_that_fit(n_angles: int) -> int | None:
    """Return how many angles of a circuit fit into memory, None if so many may do."""
    if n_angles * _ANGLE <= _SMALL or n_angles * _ANGLE <= (limit := memory_limit()):
        return None
    return limit // _ANGLE


def memory_limit() -> int:
    """Return the bytes that this process may use: the machine's, or fewer.

    Containers and batch systems limit control groups, ``ulimit -v`` a process.
    """
    return min([*_of_machine(), *_of_groups(), *_of_process()], default=2**36)


def _of_machine() -> Iterator[int]:
    with suppress(AttributeError, ValueError, OSError):  # not POSIX
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _of_process() -> Iterator[int]:
    with suppress(ImportError):  # not POSIX
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:
            yield limit


def _of_groups(
    told: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> Iterator[int]:
    """Yield the limits of this process's control groups (Linux), versions 1 and 2.

    Each group is limited by those above it. In a container the path may be the host's,
    which is not there; the limit is at the root then.
    """
    lines: list[str] = []
    with suppress(OSError):
        lines = told.read_text().splitlines()
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            base, name = root, "memory.max"
        elif "memory" in controllers.split(","):
            base, name = root / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = base / path.lstrip("/")
        for folder in (group, *group.parents):
            with suppress(OSError, ValueError):  # "max" is no limit
                yield int((folder / name).read_text())
            if folder == base:
                break
