"""In which order the compiled kernels sweep over the rows of a block.

The states before the last sweep of each layer are kept, the "tape": all derivatives by
the layer's angles can be taken there. The first layer is never un-applied, its
derivatives are taken after it. Kernels do not decide anything, they follow a list of
orders.

Without a tape the states are un-applied like the cotangents, and three blocks take
turns: one of states, one of cotangents, and one to permute either of them into.

Phases that depend on parameters stand before a layer. Derivatives by them are overlaps
of the cotangents with the states there, which are kept, too.

If the observable is a Pauli string, the last layer R of rotations is never applied: as
``R^T Z R = Z R^2``, the string and the layer are one reflection O for each qubit. From
the states y before that layer follow ``z = O y``, ``y . z``, the cotangents 2 z of y,
and the derivatives by the layer's angles, which are contractions of z with y. The last
layer finds y where it is, or, if that would be too far apart, in a copy in its order.
"""

from collections.abc import Iterator
from typing import NamedTuple

from skqnn._engine.layout import Layout
from skqnn._engine.orders import (
    CONTRACT,
    CONTRACT_UNROTATE,
    GATHER,
    JOINED,
    LOAD,
    MEASURE,
    OVERLAP,
    REFLECT,
    RESCALE,
    ROTATE,
    SCATTER,
    UNRESCALE,
    UNROTATE,
    UNROTATE_CONTRACT,
    Order,
    Schedule,
    arrange,
    joined_rows,
)


class Blocks(NamedTuple):
    """What the blocks of the workspace are for."""

    tape: list[int]  # of each layer
    before: list[int]  # the states before the phases of each layer
    bras: int
    other: int
    now: int  # where the samples are loaded, if there is a tape
    copy: int  # the states before a folded layer in its order, if they are copied
    number: int


def blocks(layout: Layout, taped: bool) -> Blocks:
    """Assign numbers to the blocks.

    Without a tape the states are in block 0 or 1, at the end in block 1.
    """
    folded, copies = layout.fold is not None, layout.copies
    n_layers, n_copies = len(layout.layers) - folded, int(folded and copies)
    if not taped:
        turns = [(n_layers - 1 - k) % 2 for k in range(len(layout.layers))]
        tape = [1 - turn for turn in turns][:n_layers]
        return Blocks(tape, turns, 0, 2, turns[0], 2, 3)
    used = max(2, n_layers)
    before: list = []  # None for `now`
    for k, layer in enumerate(layout.layers):
        if k > 0 and _ends_on_tape(k - 1, layout):
            before.append(k - 1)
        elif layer.turned >= 0:
            before.append(used)
            used += 1
        else:
            before.append(None)
    # In the way forward `other` is needed for the reflection of `now` only.
    now = used + 2 if folded and not copies else used + 1
    before = [now if block is None else block for block in before]
    tape = list(range(n_layers))
    return Blocks(tape, before, used, used + 1, now, used + 2, now + 1 + n_copies)


def _is_never_unapplied(k: int, layout: Layout) -> bool:
    return k == 0 and layout.layers[0].turned < 0


def _places(layout: Layout) -> int:
    """Return the table to store the copy with before a folded layer, or -1."""
    return -1 if layout.fold is None else layout.fold.places


def _leads_back(layout: Layout) -> bool:
    """Tell whether the way back starts with a sweep that can load from the copy."""
    last = len(layout.layers) - 2
    return _places(layout) >= 0 and not _is_never_unapplied(last, layout)


def _ends_on_tape(k: int, layout: Layout) -> bool:
    """Tell whether the tape of a layer is the state after it."""
    return len(layout.layers[k].bits) == 1 or _is_never_unapplied(k, layout)


def schedule(layout: Layout, taped: bool, pulled: bool) -> Schedule:
    """Return the schedule of a circuit, with derivatives if `pulled`."""
    passes, final = _forward(layout, taped, pulled)
    if layout.fold is None:
        bras = blocks(layout, taped).bras
        order = Order(MEASURE, 0, source=final, target=bras, flipped=1)
        passes.append((None, [order]))
    n_forward = sum(chunk != JOINED for chunk, _ in passes)
    if pulled:
        passes += _backward(layout, taped, final)
    return Schedule(*arrange(passes, layout), n_forward)


def _forward(layout: Layout, taped: bool, pulled: bool) -> tuple[list[tuple], int]:
    """Return the passes through all layers, and the block of the final state.

    With a Pauli string, the final state is that before the last layer, and block
    `other` holds its reflection. If `pulled`, those derivatives are included that need
    no further pass.
    """
    where = blocks(layout, taped)
    now = where.before[0]
    passes: list = []
    if not layout.natural:
        passes.append((None, [Order(LOAD, len(layout.layers), target=now)]))
    for k, layer in enumerate(layout.layers):
        if layer.phase >= 0:
            target = where.now if taped else now
            passes.append((None, [_rescale(RESCALE, k, layer, now, target)]))
            now = target
        if k == len(where.tape):
            write = _places(layout)
            if write >= 0 and ((_leads_back(layout) and taped) or not pulled):
                chunk, [order] = passes.pop()
                now = where.copy
                passes.append((chunk, [order._replace(target=now, write=write)]))
            passes += _reflect(k, layout, where, now, pulled)
            break
        top = len(layer.bits) - 1
        below = above = where.tape[k]
        if top and taped and not _is_never_unapplied(k, layout):
            above = where.before[k + 1] if k + 1 < len(where.before) else where.now
        first = _order(ROTATE, k, 0, layer, now, below, read=layer.gathers[0])
        if k == 0 and layout.natural:
            first = first._replace(kind=LOAD)
        rest = [_order(ROTATE, k, s, layer, below, below) for s in range(1, top)]
        passes.append((layer.chunk, [first, *rest]))
        now = below
        if top:
            passes.append((None, [_order(ROTATE, k, top, layer, below, above)]))
            now = above
    return passes, now


def _reflect(k, layout, where, now, pulled) -> list[tuple]:
    """Return the passes that reflect the states before the last layer."""
    if layout.copies:
        return _reflect_copy(k, layout, where, now, pulled)
    layer, z, turned = layout.layers[k], where.other, where.bras
    *lower, last = range(max(len(layer.bits) - 1, 1))
    gather = layer.gathers[last]
    if len(layer.bits) == 1:
        order = _order(REFLECT, k, 0, layer, now, z, now, gather, gather)
        return [(None, [order._replace(flipped=1)])]
    top = last + 1
    first = _order(ROTATE, k, top, layer, now, turned, read=layer.gathers[top])
    orders = [_order(ROTATE, k, s, layer, turned, turned) for s in lower]
    orders.append(_order(REFLECT, k, last, layer, turned, z, now, write=gather))
    if pulled:
        orders += [_pull_reflected(k, s, layer, z, now) for s in lower]
    chunk = JOINED if layout.fold.aligned else None
    return [(chunk, [first._replace(flipped=1)]), (layer.chunk, orders)]


def _reflect_copy(k, layout, where, now, pulled) -> list[tuple]:
    """As `_reflect`, on a copy of the states in the order of the last layer.

    They may be there already. Their reflection stays in block `bras`.
    """
    layer, y, z = layout.layers[k], where.copy, where.bras
    top = len(layer.bits) - 1
    *lower, last = range(max(top, 1))
    copy = _order(GATHER, k, top, layer, now, y, read=layer.gathers[-1])
    # The only sweep comes after the flip, a sweep of layer n_layers rotates nothing.
    turned = _order(ROTATE, k if top else k + 1, top, layer, y, z)
    orders = [_order(ROTATE, k, s, layer, z, z) for s in lower]
    orders.append(_order(REFLECT, k, last, layer, z, z, y))
    if pulled:
        orders += [_order(CONTRACT, k, s, layer, z, z, y) for s in lower]
    chunk = JOINED if layout.fold.aligned else joined_rows()
    first = ([copy] if now != y else []) + [turned._replace(flipped=1)]
    return [(chunk, first), (layer.chunk if top else None, orders)]


def _pull_reflected(k, s, layer, z, kets) -> Order:
    """Contract the reflection, which is in the order of the layer before."""
    return _order(CONTRACT, k, s, layer, z, z, kets, read=layer.gathers[s])


def _backward(layout: Layout, taped: bool, final: int) -> list[tuple]:
    """Return the passes that un-apply all layers and take the derivatives.

    They start with the tape, the final state in block `final` and its cotangents in
    block `bras`, or with a Pauli string its reflection in block `other`.
    """
    where = blocks(layout, taped)
    bras, other = where.bras, where.other
    passes: list = []
    aligned = None
    if layout.fold is not None:
        bras, other = other, bras
        passes += _pull_fold(layout, where, bras, final, taped)
        replaces = _leads_back(layout) and where.copy == bras
        aligned = JOINED if layout.fold.aligned and not replaces else None
    kets = final
    for k in range(len(where.tape) - 1, -1, -1):
        layer, kets = layout.layers[k], where.tape[k] if taped else kets
        last = _is_never_unapplied(k, layout)
        top = len(layer.bits) - 1
        if top > 0:
            kind = CONTRACT if last else UNROTATE_CONTRACT
            pull = _order(kind, k, top, layer, bras, bras, kets)
            if k == len(where.tape) - 1 and _leads_back(layout):
                pull = pull._replace(source=other, read=_places(layout))
            if not (taped or last):
                passes.append((aligned, [_order(UNROTATE, k, top, layer, kets, kets)]))
                aligned = JOINED
            passes.append((aligned, [pull]))
        aligned = None
        lower = list(range(max(top, 1)))
        if last:
            pulls = [_order(CONTRACT, k, s, layer, bras, bras, kets) for s in lower]
            passes.append((layer.chunk, pulls))
            break
        passes.append((layer.chunk, list(_pull(k, layer, lower, bras, other, kets))))
        bras, other = other, bras
        if taped:
            kets = where.before[k]
        else:
            passes += _walk_back(k, layout, kets, other)
            kets, other = other, kets
        if layer.phase >= 0:
            passes.append((None, [_unrescale(k, layer, bras, kets, other)]))
    return passes


def _pull_fold(layout, where, z, final, taped) -> Iterator[tuple]:
    """Yield the passes for the last layer that `_reflect` has left."""
    k, layer = len(layout.layers) - 1, layout.layers[-1]
    if layout.copies:
        top, turned = len(layer.bits) - 1, where.bras
        if top:
            pull = _order(CONTRACT, k, top, layer, turned, turned, where.copy)
            yield None, [pull]
        if not _leads_back(layout):
            write = layer.gathers[-1]
            back = _order(SCATTER, k, top, layer, turned, z, write=write)
            yield JOINED if top and where.copy != z else None, [back]
    elif len(layer.bits) > 1:
        yield None, [_pull_reflected(k, len(layer.bits) - 1, layer, z, final)]
    if layer.phase >= 0:
        if not taped:
            yield None, [_rescale(UNRESCALE, k, layer, final, final)]
        yield None, [_unrescale(k, layer, z, where.before[k], where.bras)]


def _order(kind, k, s, layer, source, target, kets=0, read=None, write=None) -> Order:
    """Return an order for sweep s of layer k; tables default to the sweep's own."""
    table = layer.tables[s]
    read = table if read is None else read
    write = table if write is None else write
    return Order(kind, k, s, source, target, kets, read, write, layer.bits[s])


def _rescale(kind, k, layer, source, target) -> Order:
    return Order(kind, k, 0, source, target, read=layer.phase)


def _unrescale(k, layer, bras, kets, free) -> Order:
    """Return to what was before the phases, and compare it with the states there."""
    order = _rescale(UNRESCALE, k, layer, bras, bras)
    if layer.turned < 0:
        return order
    return order._replace(kind=OVERLAP, target=free, kets=kets, write=layer.turned)


def _pull(k, layer, lower, bras, other, kets) -> Iterator[Order]:
    """Yield the orders on the lower sweeps of a layer in the backward pass."""
    *rest, last = lower
    for s in rest:
        yield _order(CONTRACT, k, s, layer, bras, bras, kets)
    for s in reversed(lower):
        kind = CONTRACT_UNROTATE if s == last else UNROTATE
        target, write = (bras, None) if s else (other, layer.gathers[0])
        yield _order(kind, k, s, layer, bras, target, kets, write=write)


def _walk_back(k: int, layout: Layout, source: int, target: int) -> Iterator[tuple]:
    """Yield the passes from the tape of layer k to the states before its phases."""
    layer = layout.layers[k]
    orders = []
    for s in reversed(range(max(len(layer.bits) - 1, 1))):
        to, write = (source, None) if s else (target, layer.gathers[0])
        orders.append(_order(UNROTATE, k, s, layer, source, to, write=write))
    yield layer.chunk, orders
    if layer.phase >= 0:
        yield None, [_rescale(UNRESCALE, k, layer, target, target)]
