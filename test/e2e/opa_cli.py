#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line against what OPA 0.60.0 printed for the same arguments.

    opa_cli.py WEIR RECORDED

Equal: exit code, standard output, standard error. Compared by shape: durations and figures of time.
Differences on purpose are named in DIFFERENT.
"""
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks  # noqa: E402

# Last argument, or command: why the output is not compared word for word.
DIFFERENT = {
    'http.send({"method": "get"})': "network builtins are refused when compiling",
    'opa.runtime().env.NOSUCH': "the runtime tells nothing of the process",
}


def plain_errors(text):
    """Errors without details of type errors, in a fixed order: OPA's is random at one place."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    if isinstance(document, dict) and "capabilities" in document:  # which builtins: not told here
        document.pop("capabilities")
        return json.dumps(document, indent=2) + "\n"
    if isinstance(document, dict) and "errors" in document:
        for error in document["errors"]:
            if error.get("code") == "rego_type_error":
                error.pop("details", None)
        document["errors"].sort(key=json.dumps)
        return json.dumps(document, indent=2)
    return None


def plain_profile(text, ordered):
    """A profile without its times; sorted, unless the order is by counts or places."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict) and ("profile" in document or "aggregated_profile" in document):
        for name in ("profile", "aggregated_profile"):
            for line in document.get(name, []):
                line["total_time_ns"] = sorted(line.pop("total_time_ns_stats", {}))
            if name in document and not ordered:
                document[name].sort(key=json.dumps)
        document.get("aggregated_metrics", {}).clear()
        return json.dumps(document, indent=2)
    lines = text.split("\n")
    at = next((i for i, line in enumerate(lines) if "| NUM EVAL |" in line), None)
    if at is None:
        return text
    end = at + 2
    while lines[end].startswith("|"):
        end += 1
    rows = [[cell.strip() for cell in line.strip("|").split("|")][-4:] for line in lines[at + 2:end]]
    table = [json.dumps(row) for row in (rows if ordered else sorted(rows))]
    return "\n".join([*lines[:at - 1], json.dumps(lines[at].split()), *table, *lines[end + 1:]])


def shape(text, ordered=False):
    text = plain_profile(text, ordered)
    text = re.sub(r"\([0-9.]+(ns|µs|ms|s)\)", "(D)", text)
    text = re.sub(r'("duration": )\d+', r"\1N", text)
    text = re.sub(r'("timer_\w+_ns": )\d+', r"\1N", text)
    text = re.sub(r"\| (timer_\w+_ns) +\| \d+ +\|", r"| \1 | N |", text)
    text = re.sub(r"\+-+\+-+\+\n\| +METRIC +\| +VALUE +\|\n\+-+\+-+\+", "METRICS", text)
    text = re.sub(r"(timer_rego_\w+_ns \| N \|\n)\+-+\+-+\+", r"\1END", text)
    # parsing of data, and resolving, are no steps of their own here
    text = re.sub(r'    "timer_rego_(data_parse|external_resolve)_ns": N,\n', "", text)
    text = re.sub(r"\| timer_rego_(data_parse|external_resolve)_ns \| N \|\n", "", text)
    text = re.sub(r"(overlapping roots in bundle manifest with: )\[(.*)\]",
                  lambda m: m[1] + " ".join(sorted(m[2].split())), text)  # in random order
    text = text.replace("%!d(MISSING)", "%d").replace("%!v(MISSING)", "%v")  # a slip of its printer
    errors = plain_errors(text)
    if errors is not None:
        return errors
    if re.match(r"\d+ errors occurred:\n", text):
        head, _, rest = text.partition("\n")
        blocks = re.split(r"\n(?!\t)", rest.rstrip("\n"))
        return head + "\n" + "\n".join(sorted(blocks))
    return text


def main():
    check, weir = Checks("opa_cli"), str(Path(sys.argv[1]).resolve())
    recorded = json.loads(Path(sys.argv[2]).read_text())
    only = sys.argv[3] if len(sys.argv) > 3 else None
    folder = Path(tempfile.mkdtemp(prefix="weir-opa-cli-"))
    for name, text in recorded["files"].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for run in recorded["runs"]:
        if only is not None and only not in json.dumps(run["args"]):
            continue
        what = "weir " + " ".join(run["args"])
        done = subprocess.run([weir, *run["args"]], cwd=folder, input=run["stdin"] or "", capture_output=True, text=True)
        if run["args"][-1] in DIFFERENT:
            continue
        check.that(done.returncode == run["code"], what + ": exit code",
                   (done.returncode, run["code"], done.stdout[-200:], done.stderr[-200:]))
        for stream in ("stdout", "stderr"):
            ordered = any(a.startswith("--profile-sort") for a in run["args"])
            have, want = shape(getattr(done, stream), ordered), shape(run[stream], ordered)
            check.that(have == want, f"{what}: {stream}", "\n--- have\n" + have[:1500] + "\n--- want\n" + want[:1500])
    shutil.rmtree(folder)
    return check.end()


if __name__ == "__main__":
    sys.exit(main())
