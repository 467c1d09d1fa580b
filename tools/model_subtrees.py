#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts what sharing equal subtrees would save in compiled models.

  weir model compile MODEL --no-pack -o m.wasm && tools/model_subtrees.py m.wasm ...

Reads the TREES steps of each program (docs/formats.md). Children are neighbours, so what can be
shared is a pair of them. `within`: equal pairs of one tree lie once; the 16-bit distance to the
children stays. `across`: equal pairs of all trees lie once; then a node must name its children by a
32-bit place and takes 12 bytes instead of 8."""
import struct
import sys

CONST = 0x80000000


def program_of(module):
    at = module.find(b"WRM1\x01\0\0\0")
    if at < 0:
        sys.exit("no program in it: compile with --no-pack")
    size = struct.unpack_from("<I", module, at + 8)[0]
    return module[at:at + size]


def ensembles(program):
    """(nodes, roots) of each TREES step."""
    steps, _, n_steps = struct.unpack_from("<3I", program, 36)
    for _ in range(n_steps):
        head, words = struct.unpack_from("<2I", program, steps)
        n_out = head >> 16 & 255
        if head & 255 == 11:  # out, keys, x, nodes, trees, table, base
            places = [struct.unpack_from("<2I", program, steps + 8 + 8 * (n_out + k)) for k in (1, 2)]
            nodes, roots = (
                struct.unpack_from("<%dQ" % (n & 0xfffffff), program, ref & ~CONST) for ref, n in places)
            yield nodes, [r & 0xffffffff for r in roots]
        steps += 4 * words


def count(program):
    """Nodes in all, shared within each tree, shared across all trees; pairs of leaves that sharing
    within drops, and different leaves."""
    total = within = leaf_pairs = 0
    names, pairs, tops, bare = {}, set(), set(), set()
    for nodes, roots in ensembles(program):
        for t, first in enumerate(roots):
            end = roots[t + 1] if t + 1 < len(roots) else len(nodes)
            name, own, leaves = [0] * (end - first), set(), 0
            for i in range(end - first - 1, -1, -1):
                node = nodes[first + i]
                delta, what = node >> 48, node & 0xffffffffffff
                if delta == 0:
                    key = (what,)
                else:
                    pair = (name[i + delta], name[i + delta + 1])
                    leaves += nodes[first + i + delta] >> 48 == nodes[first + i + delta + 1] >> 48 == 0
                    own.add(pair)
                    key = (what,) + pair
                name[i] = names.setdefault(key, len(names))
                if delta == 0:
                    bare.add(name[i])
            total += end - first
            within += 1 + 2 * len(own)
            leaf_pairs += leaves - sum(a in bare and b in bare for a, b in own)
            pairs |= own
            tops.add(name[0])
    return total, within, len(tops) + 2 * len(pairs), leaf_pairs, len(bare)


print("module                        nodes     bytes   within    saved (leaf pairs, leaves)"
      "   across at 12 bytes")
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        total, within, across, leaf_pairs, leaves = count(program_of(file.read()))
    if total:
        print("%-26s %8d %9d %8d %7.2f%% (%9d, %6d) %8d %8d (%+.1f%%)" % (
            path.split("/")[-1][-26:], total, 8 * total, within, 100 * (total - within) / total,
            leaf_pairs, leaves, across, 12 * across, 100 * (12 * across - 8 * total) / (8 * total)))
