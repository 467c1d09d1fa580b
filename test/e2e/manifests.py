#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy/k3s: what kustomize makes of each overlay has only fields that Kubernetes 1.30 knows, fits
together, passes the gates of deploy/gatekeeper, and its container starts, answers its probes and
drains as the manifest says.

    manifests.py WEIR

The fields come from test/data/k8s/types-1.30.json. Overlays are read as deploy/k3s/render.sh wrote
them; where there is a kubectl with kustomize 5 they are rendered again and must be the same.
"""
import base64
import copy
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from served import Checks  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
K3S = ROOT / "deploy" / "k3s"
GATES = ROOT / "deploy" / "gatekeeper"
SCHEMA = json.loads((ROOT / "test" / "data" / "k8s" / "types-1.30.json").read_text())
NO_BUILD, BUILD = "sha256:" + "0" * 64, "sha256:" + "5f" * 32
QUANTITY = re.compile(r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")
MORE = {"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, None: 1}


def read(weir, text):
    """One YAML document, by the product's own reader."""
    if not re.sub(r"(?m)^\s*#.*$", "", text).strip():
        return None
    done = subprocess.run([weir, "eval", "-f", "raw", "-I", "input"], input=text,
                          capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def documents(weir, path):
    texts = re.split(r"(?m)^---$", path.read_text())
    return [document for document in (read(weir, text) for text in texts) if document]


# ── fields and types ─────────────────────────────────────────────────────────────────────────────

def breaches(value, kind, place):
    """What a strict decoder would say of a value where `kind` is wanted."""
    if kind == "any" or value is None:
        return []
    if isinstance(kind, list):
        if not isinstance(value, list):
            return [f"{place}: a list is wanted"]
        return [b for i, item in enumerate(value) for b in breaches(item, kind[0], f"{place}[{i}]")]
    if isinstance(kind, dict) or kind.startswith("#"):
        if not isinstance(value, dict):
            return [f"{place}: an object is wanted"]
        fields = kind if isinstance(kind, dict) else SCHEMA["types"][kind[1:]]
        return [b for key, item in value.items() for b in
                (breaches(item, fields.get("*", fields.get(key)), f"{place}.{key}")
                 if "*" in fields or key in fields else [f"{place}.{key}: there is no such field"])]
    good = {"string": isinstance(value, str), "bool": isinstance(value, bool),
            "int": isinstance(value, int) and not isinstance(value, bool),
            "int|string": isinstance(value, (int, str)) and not isinstance(value, bool),
            "quantity": bool(QUANTITY.match(str(value)))}[kind]
    return [] if good else [f"{place}: {value!r} is no {kind}"]


def strict(document):
    name = f"{document.get('apiVersion')}/{document.get('kind')}"
    if name not in SCHEMA["kinds"]:
        return [f"{name}: there is no such kind"]
    return breaches(document, "#" + SCHEMA["kinds"][name], document["kind"])


def check_that_it_can_fail(check, overlay):
    """Misspell every field of the workload in turn, and give numbers as text: each must be told."""
    document = next(d for d in overlay if d["kind"] in ("Deployment", "StatefulSet"))
    n, missed = 0, []

    def walk(value, place, free):
        nonlocal n
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in list(items):
            if isinstance(value, dict) and not free:
                value[key + "x"] = value.pop(key)
                n += 1
                if not strict(document):
                    missed.append(f"{place}.{key}")
                value[key] = value.pop(key + "x")
                if isinstance(item, int) and not isinstance(item, bool) and key not in ("port",):
                    value[key] = str(item)
                    if not strict(document):
                        missed.append(f"{place}.{key} as text")
                    value[key] = item
            if isinstance(item, (dict, list)):
                walk(item, f"{place}.{key}", key in ("labels", "annotations", "matchLabels",
                                                     "nodeSelector", "limits", "requests"))

    document = copy.deepcopy(document)
    walk(document, "", False)
    check.that(n > 100 and not missed, "a misspelt field, a number as text: each is told", missed)


# ── what fits together ───────────────────────────────────────────────────────────────────────────

def only(overlay, *kinds):
    return [document for document in overlay if document["kind"] in kinds]


def amount(text):
    number, unit = re.match(r"([0-9.]+)([A-Za-z]*)", str(text)).groups()
    return float(number) * MORE[unit or None]


def check_pod(check, name, overlay, workload):
    labels = workload["spec"]["template"]["metadata"]["labels"]
    pod = workload["spec"]["template"]["spec"]
    container, = pod["containers"]
    ports = {port["name"] for port in container["ports"]}
    for service in only(overlay, "Service"):
        check.that(service["spec"]["selector"].items() <= labels.items() and
                   {port["targetPort"] for port in service["spec"]["ports"]} <= ports,
                   f"{name}: Service {service['metadata']['name']} finds the pods", service["spec"])
    for one in only(overlay, "PodDisruptionBudget", "NetworkPolicy"):
        selector = one["spec"].get("selector", one["spec"].get("podSelector"))
        check.that(selector["matchLabels"].items() <= labels.items(), f"{name}: {one['kind']} fits")
    made = {document["metadata"]["name"] for document in only(overlay, "ConfigMap", "Secret")}
    made |= {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
    volumes = {volume["name"] for volume in pod["volumes"]}
    wanted = {v["configMap"]["name"] for v in pod["volumes"] if "configMap" in v}
    check.that(wanted <= made, f"{name}: the policy's ConfigMap is there", wanted)
    check.that({m["name"] for m in container["volumeMounts"]} <= volumes | made,
               f"{name}: every mount has a volume", container["volumeMounts"])
    for hook in ("startupProbe", "readinessProbe", "livenessProbe"):
        check.that(container[hook]["httpGet"]["port"] == "probe", f"{name}: {hook}")
    limits, requests = container["resources"]["limits"], container["resources"]["requests"]
    check.that(all(amount(requests[what]) <= amount(limits[what]) for what in requests),
               f"{name}: requests within limits", container["resources"])
    both = {**pod["securityContext"], **container["securityContext"]}
    check.that(both["runAsNonRoot"] and both["readOnlyRootFilesystem"] and
               both["seccompProfile"]["type"] == "RuntimeDefault" and
               both["capabilities"] == {"drop": ["ALL"]} and not both["allowPrivilegeEscalation"] and
               pod["automountServiceAccountToken"] is False,
               f"{name}: more than the restricted profile", both)
    if "runtimeClassName" in pod:
        check.that([d["metadata"]["name"] for d in only(overlay, "RuntimeClass")] ==
                   [pod["runtimeClassName"]], f"{name}: its RuntimeClass is there")
    revision = json.loads((K3S / "base" / "policy" / ".manifest").read_text())["revision"]
    check.that(labels["pack-revision"] == revision, f"{name}: the label tells the pack's revision")


def check_requirement(check, workload):
    pod = workload["spec"]["template"]["spec"]
    container, = pod["containers"]
    variables = {v["name"]: v["value"] for v in container["env"]}
    check.that(workload["spec"]["replicas"] == 20 and pod["runtimeClassName"] == "wasmedge" and
               container["resources"] == {"requests": {"cpu": "200m", "memory": "512Mi"},
                                          "limits": {"cpu": "1", "memory": "1Gi"}} and
               variables["MODEL_PATH"] == "/model.wasm" and variables["DECISION_TIMEOUT"] == "50ms",
               "the overlay wasmedge is the deployment of the requirement", workload)
    check.that(container["lifecycle"]["preStop"] == {"httpGet": {"path": "/drain", "port": "probe"}},
               "preStop drains")


def check_policy(check):
    ours = sorted(path.name for path in (K3S / "base" / "policy").iterdir())
    same = [name for name in ours if (K3S / "base" / "policy" / name).read_bytes() ==
            (ROOT / "packs" / "cards" / name).read_bytes()]
    check.that(same == ours and len(ours) == 5,
               "base/policy is packs/cards without models (deploy/k3s/render.sh copies it)", same)


# ── the gates ────────────────────────────────────────────────────────────────────────────────────

def check_gates(check, weir, folder, name, workload):
    """The workload against every gate, through a suite of its own."""
    text = json.dumps(workload).replace(NO_BUILD, BUILD)
    (folder / "object.json").write_text(text)
    pairs = {"risk-control-policy": "risk-control", "resource-budget": "edge-budget",
             "image-by-digest": "bank-images", "read-only-root": "read-only-root",
             "no-host-namespaces": "no-host-namespaces", "required-labels": "labels-of-risk",
             "one-pack-revision": "one-pack-revision"}
    case = {"name": "it", "object": "object.json", "assertions": [{"violations": "no"}]}
    suite = {"apiVersion": "test.gatekeeper.sh/v1alpha1", "kind": "Suite", "tests": [
        {"name": template, "template": f"{GATES}/templates/{template}.yaml",
         "constraint": f"{GATES}/constraints/{constraint}.yaml", "cases": [case]}
        for template, constraint in pairs.items()]}
    for test in suite["tests"]:
        for part in ("template", "constraint"):
            test[part] = os.path.relpath(test[part], folder)
    (folder / "suite.yaml").write_text(json.dumps(suite))
    done = subprocess.run([weir, "test", folder / "suite.yaml"], capture_output=True, text=True)
    refused = re.findall(r"(?m)^--- FAIL: (\S+)", done.stdout)
    wanted = {"native": ["risk-control-policy"], "wasmedge": [], "kept": [],
              "dev": ["risk-control-policy", "image-by-digest", "required-labels"]}[name]
    check.that(refused == wanted, f"{name}: the gates let it pass, but for {wanted}", done.stdout)


# ── the container, as a kubelet would start and stop it ──────────────────────────────────────────

def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def ask(port, path, token=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if token:
        request.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def mount(folder, data):
    """A ConfigMap as the kubelet lays it out: files that link into a hidden folder."""
    (folder / "..2026").mkdir(parents=True)
    (folder / "..data").symlink_to("..2026")
    for name, text in data.items():
        (folder / "..2026" / name).write_text(text)
        (folder / name).symlink_to(f"..data/{name}")


def check_running(check, weir, folder, overlay):
    workload, = only(overlay, "Deployment")
    policy, = only(overlay, "ConfigMap")
    access, = only(overlay, "Secret")
    container, = workload["spec"]["template"]["spec"]["containers"]
    mount(folder / "policy", policy["data"])
    mount(folder / "access", {name: base64.b64decode(text).decode()
                              for name, text in access["data"].items()})
    ports = {port["containerPort"]: free_port() for port in container["ports"]}
    names = {port["name"]: ports[port["containerPort"]] for port in container["ports"]}
    variables = {v["name"]: v["value"] for v in container["env"]}
    for name in ("WEIR_PACK", "WEIR_STATE", "WEIR_ACCESS"):
        variables[name] = f"{folder}{variables[name]}"
    variables["MODEL_PATH"] = str(ROOT / "packs" / "cards" / "models" / "fraud.wasm")
    for inside, outside in ports.items():
        variables["WEIR_LISTEN"] = variables["WEIR_LISTEN"].replace(f"0.0.0.0:{inside}",
                                                                    f"127.0.0.1:{outside}")
    (folder / "state").mkdir()
    log = open(folder / "log", "wb")
    process = subprocess.Popen([weir, "serve"], env=variables, stdout=log, stderr=log)
    try:
        probe = {hook: container[hook]["httpGet"] for hook in ("startupProbe", "readinessProbe",
                                                               "livenessProbe")}
        for _ in range(200):
            if ask(names["probe"], probe["startupProbe"]["path"]) is not None:
                break
            time.sleep(0.05)
        for hook, get in probe.items():
            check.that(ask(names[get["port"]], get["path"]) == 200, f"{hook} answers 200",
                       (folder / "log").read_text())
        check.that(ask(names["probe"], "/metrics") == 200, "metrics without a token at the probe port")
        check.that(ask(names["probe"], "/status") == 200, "and the status page")
        check.that(ask(names["decisions"], "/status") == 401, "which wants a token elsewhere")
        check.that(ask(names["probe"], "/v1/pack", "not-a-secret-token-of-dev") == 403,
                   "nothing else there, not even with one")
        check.that(ask(names["decisions"], "/metrics") == 401, "no metrics without a token elsewhere")
        check.that(ask(names["decisions"], "/v1/pack", "not-a-secret-token-of-dev") == 200,
                   "the token of the overlay dev is known")
        hook = container["lifecycle"]["preStop"]["httpGet"]
        check.that(ask(names[hook["port"]], hook["path"]) == 202, "preStop is taken")
        check.that(process.wait(15) == 0, "and the container ends with 0", process.returncode)
    finally:
        if process.poll() is None:
            process.kill()


def check_fresh(check, folder):
    kubectl = shutil.which("kubectl")
    version = subprocess.run([kubectl, "version", "--client"], capture_output=True,
                             text=True).stdout if kubectl else ""
    if "Kustomize Version: v5" not in version:
        print("manifests: no kubectl with kustomize 5: the overlays were not rendered again")
        return
    subprocess.run(["sh", K3S / "render.sh", folder], check=True)
    for path in sorted(folder.glob("*.yaml")):
        check.that(path.read_text() == (K3S / "rendered" / path.name).read_text(),
                   f"rendered/{path.name} is what the overlay gives: deploy/k3s/render.sh")


def main():
    weir = Path(sys.argv[1]).resolve()
    check = Checks("manifests")
    overlays = {path.stem: documents(weir, path) for path in sorted((K3S / "rendered").glob("*"))}
    check.that(sorted(overlays) == sorted(p.name for p in (K3S / "overlays").iterdir()),
               "every overlay is rendered", list(overlays))
    folder = Path(tempfile.mkdtemp(prefix="weir-manifests-"))
    try:
        for name, overlay in overlays.items():
            told = [b for document in overlay for b in strict(document)]
            check.that(len(overlay) >= 8 and not told, f"{name}: Kubernetes 1.30 knows every field",
                       told)
            workload, = only(overlay, "Deployment", "StatefulSet")
            check_pod(check, name, overlay, workload)
            check_gates(check, weir, folder, name, workload)
        check_that_it_can_fail(check, overlays["kept"])
        workload, = only(overlays["wasmedge"], "Deployment")
        check_requirement(check, workload)
        allowed, = documents(weir, GATES / "fixtures" / "allowed.yaml")
        check.that(allowed == json.loads(json.dumps(workload).replace(NO_BUILD, BUILD)),
                   "the gates' fixture is the overlay wasmedge")
        check_policy(check)
        check_running(check, weir, folder, overlays["dev"])
        (folder / "rendered").mkdir()
        check_fresh(check, folder / "rendered")
    finally:
        shutil.rmtree(folder)
    return check.end()


sys.exit(main())
