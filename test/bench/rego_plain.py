#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the plain C twin of each benchmark policy: the same conditions, the same results.

usage: rego_plain.py DIR > plain.c          DIR holds seed.rego, rules50.rego, rules1000.rego

Each line of a rule's body becomes one condition of an `if`, in the order of the policy, or one loop.
Anything that is not understood ends the program: a condition is never left out in silence. The file
is to be compiled with -O2; see rego_plain.h for what it works on.
"""
import re
import sys
from pathlib import Path

NUMBERS = {
    "transaction.amount", "user.credit_score", "user.age_days", "user.failed_logins",
    "device.age_days", "velocity.count_1h", "velocity.count_24h", "velocity.amount_24h",
}
TEXTS = {
    "transaction.type", "user.email", "card.bin", "merchant.id", "merchant.mcc",
    "device.user_agent", "location.country", "location.risk_level",
}


def slot(path):
    if path not in NUMBERS | TEXTS:
        sys.exit(f"rego_plain: there is no slot for input.{path}")
    return "in->" + path.replace(".", "_")


def text(literal):
    return "TEXT(%s)" % literal


def condition(line):
    """One condition on slots as a C expression, or None."""
    m = re.fullmatch(r"input\.([\w.]+) (<=|>=|<|>) (\d+)", line)
    if m:
        return f"{slot(m[1])} {m[2]} {m[3]}"
    m = re.fullmatch(r'input\.([\w.]+) == ("[^"]*")', line)
    if m:
        return f"plain_same({slot(m[1])}, {text(m[2])})"
    m = re.fullmatch(r"input\.([\w.]+) in \{(.*)\}", line)
    if m:
        return "(" + " || ".join(
            f"plain_same({slot(m[1])}, {text(item)})" for item in m[2].split(", ")) + ")"
    m = re.fullmatch(r'startswith\(input\.([\w.]+), ("[^"]*")\)', line)
    if m:
        return f"plain_starts({slot(m[1])}, {text(m[2])})"
    m = re.fullmatch(r"data\.lists\.(\w+)\[input\.([\w.]+)\]", line)
    if m:
        return f"plain_has(&data->{m[1]}, {slot(m[2])})"
    m = re.fullmatch(r"input\.([\w.]+) in data\.lists\.(\w+)", line)
    if m:
        return f"plain_has(&data->{m[2]}, {slot(m[1])})"
    return None


def loop(body, fire):
    """A body that iterates, as C that runs `fire` once if it holds; None if it is none."""
    joined = "\n".join(body)
    m = re.fullmatch(r"some i\ninput\.history\[i\]\.amount > (\d+)\n"
                     r"input\.history\[i\]\.country != input\.location\.country", joined)
    if m:
        return each_event(f"e->amount > {m[1]} && !plain_same(e->country, in->location_country)",
                          fire)
    m = re.fullmatch(r'some h in input\.history\nh\.status == ("[^"]*")\nh\.amount > (\d+)', joined)
    if m:
        return each_event(f"plain_same(e->status, {text(m[1])}) && e->amount > {m[2]}", fire)
    m = re.fullmatch(r'some t in input\.tags\nt == ("[^"]*")', joined)
    if m:
        return ("    for (uint32_t i = 0; i < in->n_tags; i++) {\n"
                f"        if (plain_same(in->tags[i], {text(m[1])})) {{\n"
                f"            {fire}\n            break;\n        }}\n    }}\n")
    m = re.fullmatch(r"count\(\[h \| h := input\.history\[_\]; h\.amount > (\d+)\]\) >= (\d+)",
                     joined)
    if m:
        return ("    n = 0;\n    for (uint32_t i = 0; i < in->n_history; i++) {\n"
                f"        n += in->history[i].amount > {m[1]};\n    }}\n"
                f"    if (n >= {m[2]}) {{\n        {fire}\n    }}\n")
    m = re.fullmatch(r"count\(\{c \| c := input\.history\[_\]\.country\}\) > (\d+)", joined)
    if m:
        return f"    if (countries(in) > {m[1]}) {{\n        {fire}\n    }}\n"
    return None


def each_event(holds, fire):
    return ("    for (uint32_t i = 0; i < in->n_history; i++) {\n"
            "        const struct plain_event *e = &in->history[i];\n"
            f"        if ({holds}) {{\n            {fire}\n            break;\n        }}\n    }}\n")


def rule(body):
    m = re.fullmatch(r'r := \{"id": ("\w+"), "w": (\d+)\}', body[-1])
    if not m:
        sys.exit(f"rego_plain: not understood: {body[-1]}")
    fire = f"FIRE({m[1]}, {m[2]});"
    conditions = [condition(line) for line in body[:-1]]
    if None not in conditions:
        return f"    if ({' && '.join(conditions)}) {{\n        {fire}\n    }}\n"
    code = loop(body[:-1], fire)
    if code is None:
        sys.exit("rego_plain: not understood: " + "; ".join(body))
    return code


def split(source):
    """[(head, [body line...])]"""
    rules, head = [], None
    for line in source.splitlines():
        line = line.strip()
        if line.startswith("#") or not line:
            continue
        if line.endswith("{") and not line.startswith("}"):
            head, body = line[:-1].strip(), []
        elif line == "}" and head is not None:
            rules.append((head, body))
            head = None
        elif head is not None:
            body.append(line)
        else:
            rules.append((line, []))
    return rules


def seed(source):
    holds = {head: " && ".join(condition(line) or sys.exit(f"rego_plain: {line}") for line in body)
             for head, body in split(source) if body}
    if set(holds) != {"allow", "deny"}:
        sys.exit("rego_plain: seed.rego is not the policy this program knows")
    return ("plain_policy plain_seed;\n"
            "void plain_seed(const struct plain_input *in, const struct plain_data *data,\n"
            "                struct plain_result *out)\n{\n    (void)data;\n"
            f"    out->allow = {holds['allow']};\n    out->deny = out->has_deny = {holds['deny']};\n"
            "    out->has_reasons = false;\n    out->decision = NULL;\n}\n")


TAIL = """
    int64_t score = 0;
    for (uint32_t i = 0; i < out->n_reasons; i++) {
        score += out->reasons[i].w;
    }
    out->score = score;
    out->has_deny = out->has_reasons = true;
    out->deny = score > DENY || plain_has(&data->sanctioned, in->location_country);
    out->allow = !out->deny && in->user_credit_score >= 500;
    out->decision = out->deny ? "deny" : score > REVIEW ? "review" : out->allow ? "allow" : NULL;
}
"""


def scored(name, source):
    rules = split(source)
    reasons = "".join(rule(body) for head, body in rules if head == "reasons[r]")
    deny = re.search(r"deny \{\s*score > (\d+)\s*\}", source)
    review = re.search(r'decision = "deny" \{\s*deny\s*\} else = "review" \{\s*score > (\d+)\s*\} '
                       r'else = "allow" \{\s*allow\s*\}', source)
    known = ["score := sum([x.w | x := reasons[_]])", "default allow = false",
             "data.lists.sanctioned[input.location.country]", "not deny\n",
             "input.user.credit_score >= 500"]
    if not deny or not review or not all(text in source for text in known):
        sys.exit(f"rego_plain: {name}.rego is not the policy this program knows")
    tail = TAIL.replace("DENY", deny[1]).replace("REVIEW", review[1])
    return (f"plain_policy plain_{name};\n"
            f"void plain_{name}(const struct plain_input *in, const struct plain_data *data,\n"
            "                struct plain_result *out)\n{\n    uint32_t n;\n    (void)n;\n"
            "    out->n_reasons = 0;\n" + reasons + tail)


HEAD = """/* Written by test/bench/rego_plain.py. */
#include "rego_plain.h"

#define TEXT(s) ((struct plain_text){s, sizeof(s) - 1})
#define FIRE(id, w) (out->reasons[out->n_reasons++] = (struct plain_reason){TEXT(id), w})

/* Distinct countries of the history. */
static uint32_t countries(const struct plain_input *in)
{
    struct plain_text seen[PLAIN_LIST];
    uint32_t n = 0;
    for (uint32_t i = 0; i < in->n_history; i++) {
        uint32_t k = 0;
        while (k < n && !plain_same(seen[k], in->history[i].country)) {
            k++;
        }
        if (k == n) {
            seen[n++] = in->history[i].country;
        }
    }
    return n;
}
"""


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    read = {name: (folder / f"{name}.rego").read_text(encoding="utf-8")
            for name in ("seed", "rules50", "rules1000")}
    print(HEAD)
    print(seed(read["seed"]))
    print(scored("rules50", read["rules50"]))
    print(scored("rules1000", read["rules1000"]))


main()
