#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the small MaxMind databases beside this file: networks of documentation, made-up places.

    make.py [FOLDER]     geo24.mmdb, geo28.mmdb, geo32.mmdb (IPv6 with IPv4 in it), four.mmdb (IPv4)
"""
import ipaddress
import struct
import sys
from pathlib import Path

PLACES = {
    "192.0.2.0/24": ("DE", "Germany", 64500), "198.51.100.0/25": ("FR", "France", 64501),
    "198.51.100.128/25": ("CN", "中国", 64502), "203.0.113.7/32": ("US", "United States", 4200000000),
    "2001:db8::/32": ("JP", "日本", 64503), "2001:db8:ffff::/48": ("BR", "Brasil", 64504),
}


def head(kind, size):
    extra = b""
    if size >= 65821:
        size, extra = 31, struct.pack(">I", size - 65821)[1:]
    elif size >= 285:
        size, extra = 30, struct.pack(">H", size - 285)
    elif size >= 29:
        size, extra = 29, bytes([size - 29])
    if kind > 7:
        return bytes([size, kind - 7]) + extra
    return bytes([kind << 5 | size]) + extra


def number(kind, value, most):
    raw = value.to_bytes(most, "big").lstrip(b"\0")
    return head(kind, len(raw)) + raw


def encode(value):
    if isinstance(value, str):
        raw = value.encode()
        return head(2, len(raw)) + raw
    if isinstance(value, bool):
        return head(14, int(value))
    if isinstance(value, float):
        return head(3, 8) + struct.pack(">d", value)
    if isinstance(value, dict):
        return head(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return head(11, len(value)) + b"".join(encode(v) for v in value)
    if isinstance(value, tuple):  # a kind and a number
        return number(value[0], value[1], {5: 2, 6: 4, 9: 8}[value[0]])
    raise TypeError(value)


def pointer(to):
    if to < 2048:
        return bytes([1 << 5 | to >> 8, to & 255])
    return bytes([1 << 5 | 1 << 3 | (to - 2048) >> 16, (to - 2048) >> 8 & 255, (to - 2048) & 255])


def write(path, bits, version):
    data, known = b"", {}
    tree = [[None, None]]
    for network, (code, name, asn) in PLACES.items():
        net = ipaddress.ip_network(network)
        if version == 4 and net.version == 6:
            continue
        number_of = int(net.network_address)
        length = net.prefixlen + (96 if version == 6 and net.version == 4 else 0)
        width = 128 if version == 6 else 32
        if name not in known:
            known[name] = len(data)
            data += encode(name)
        place = len(data)
        data += head(7, 5) + encode("country") + encode(
            {"names": {"en": "x" * 300}, "iso_code": code, "geoname_id": (6, 2921044)})
        data += encode("name") + pointer(known[name])
        data += encode("autonomous_system_number") + encode((6, asn))
        data += encode("location") + encode({"latitude": 51.5, "accuracy": [(5, 20), 1.0]})
        data += encode("is_anonymous") + encode(code == "US")
        node = 0
        for i in range(length):
            side = number_of >> (width - 1 - i) & 1
            below = tree[node][side]
            if i == length - 1:
                tree[node][side] = ("data", place)
            elif isinstance(below, int):
                node = below
            else:  # a wider network's place goes down on both sides
                tree.append([below, below])
                tree[node][side] = len(tree) - 1
                node = len(tree) - 1
    n = len(tree)

    def record(value):
        return n if value is None else value if isinstance(value, int) else n + 16 + value[1]
    out = b""
    for left, right in ((record(a), record(b)) for a, b in tree):
        if bits == 28:
            out += left.to_bytes(4, "big")[1:] + bytes([left >> 24 << 4 | right >> 24])
            out += right.to_bytes(4, "big")[1:]
        else:
            out += left.to_bytes(bits // 8, "big") + right.to_bytes(bits // 8, "big")
    metadata = encode({"node_count": (6, n), "record_size": (5, bits), "ip_version": (5, version),
                       "database_type": "Weir-Test", "languages": ["en"],
                       "binary_format_major_version": (5, 2), "binary_format_minor_version": (5, 0),
                       "build_epoch": (9, 1700000000), "description": {"en": "made up"}})
    path.write_bytes(out + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + metadata)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    folder = folder if folder.is_dir() else folder.parent
    for size in (24, 28, 32):
        write(folder / f"geo{size}.mmdb", size, 6)
    write(folder / "four.mmdb", 24, 4)
