# SPDX-License-Identifier: Apache-2.0
"""Reads the hardening of a binary back from its ELF file: position independent, no writable and
executable segment, no executable stack, relocations read-only before main, canaries, fortified
calls, no search path. Exit 77 when there is no such binary."""
import struct
import sys
from pathlib import Path

PT_DYNAMIC, PT_INTERP, PT_GNU_STACK, PT_GNU_RELRO, PT_LOAD = 2, 3, 0x6474E551, 0x6474E552, 1
DT_RPATH, DT_RUNPATH, DT_BIND_NOW, DT_FLAGS, DT_FLAGS_1, DT_NEEDED = 15, 29, 24, 30, 0x6FFFFFFB, 1
ET_DYN, PF_X, PF_W, DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 3, 1, 2, 8, 1, 0x08000000


def segments(elf):
    offset, size, n = struct.unpack_from("<Q", elf, 32)[0], *struct.unpack_from("<HH", elf, 54)
    for i in range(n):
        kind, flags, at, _, _, n_file = struct.unpack_from("<IIQQQQ", elf, offset + i * size)[:6]
        yield kind, flags, at, n_file


def dynamic(elf, parts):
    found = {}
    for kind, _, at, n in parts:
        if kind == PT_DYNAMIC:
            for i in range(n // 16):
                tag, value = struct.unpack_from("<qQ", elf, at + 16 * i)
                found.setdefault(tag, value)
    return found


def main():
    path = Path(sys.argv[1])
    if not path.exists():
        print(f"hardened: {path} is not built; skipped")
        return 77
    elf = path.read_bytes()
    if elf[:5] != b"\x7fELF\x02":
        print(f"hardened: not so: {path} is a whole ELF file of 64 bits")
        return 1
    parts = list(segments(elf))
    tags = dynamic(elf, parts)
    stacks = [flags for kind, flags, _, _ in parts if kind == PT_GNU_STACK]
    now = DT_BIND_NOW in tags or tags.get(DT_FLAGS, 0) & DF_BIND_NOW or tags.get(DT_FLAGS_1, 0) & DF_1_NOW
    checks = {
        "is position independent": struct.unpack_from("<H", elf, 16)[0] == ET_DYN
                                   and tags.get(DT_FLAGS_1, 0) & DF_1_PIE != 0,
        "has no executable stack": stacks != [] and not any(flags & PF_X for flags in stacks),
        "has no segment that is writable and executable":
            not any(flags & PF_W and flags & PF_X for kind, flags, _, _ in parts if kind == PT_LOAD),
        "has read-only relocations": any(kind == PT_GNU_RELRO for kind, _, _, _ in parts),
        "binds all symbols before it runs": bool(now),
        "has no search path": DT_RPATH not in tags and DT_RUNPATH not in tags,
        "has canaries": b"__stack_chk_fail" in elf,
        "has fortified calls": b"__memcpy_chk" in elf or b"__snprintf_chk" in elf or b"__vsnprintf_chk" in elf,
    }
    for sentence, holds in checks.items():
        if not holds:
            print(f"hardened: not so: the binary {sentence}")
    bad = sum(not holds for holds in checks.values())
    print(f"hardened: {len(checks) - bad} passed, {bad} failed")
    return 1 if bad else 0


sys.exit(main())
