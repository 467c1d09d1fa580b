#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy/k3s: what kustomize makes of each overlay has only fields that Kubernetes 1.30 knows, fits
together, passes the gates of deploy/gatekeeper, and its container starts, answers its probes and
drains as the manifest says; that of the overlay `fleet` reaches a Redis with TLS and an ACL user.

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
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
from certs import authority, certificate, free_port  # noqa: E402
from redis_world import Redis  # noqa: E402
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
    for hook in ("startupProbe", "livenessProbe"):
        check.that(container[hook]["httpGet"]["path"] == "/health",
                   f"{name}: {hook} does not end a node that waits for room, from its start on")
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
    policy = only(overlay, "ConfigMap")[0]["data"]
    revision = json.loads(policy[".manifest"])["revision"]
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
    for copy_of, ours, n in (("cards", K3S / "base" / "policy", 5),
                             ("fleet", K3S / "overlays" / "fleet" / "policy", 4)):
        names = sorted(path.name for path in ours.iterdir())
        same = [name for name in names if (ours / name).read_bytes() ==
                (ROOT / "packs" / copy_of / name).read_bytes()]
        check.that(same == names and len(names) == n,
                   f"{ours.relative_to(K3S)} is packs/{copy_of} without models and tests "
                   "(deploy/k3s/render.sh copies it)", same)


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
    wanted = {"native": ["risk-control-policy"], "fleet": ["risk-control-policy"], "wasmedge": [], "kept": [],
              "dev": ["risk-control-policy", "image-by-digest", "required-labels"]}[name]
    check.that(refused == wanted, f"{name}: the gates let it pass, but for {wanted}", done.stdout)


# ── the container, as a kubelet would start and stop it ──────────────────────────────────────────

def ask(port, path, token=None, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body)
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


class Container:
    """The only container of an overlay, with its volumes below a folder and its ports on loopback.
    `secrets`: {name: {key: text}} of those that are made at the site."""

    def __init__(self, weir, folder, overlay, secrets):
        pod = only(overlay, "Deployment")[0]["spec"]["template"]["spec"]
        self.spec, = pod["containers"]
        self.folder = folder
        secrets = secrets | {one["metadata"]["name"]: {key: base64.b64decode(text).decode() for key, text
                                                       in one["data"].items()} for one in only(overlay, "Secret")}
        maps = {one["metadata"]["name"]: one["data"] for one in only(overlay, "ConfigMap")}
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for mounted in self.spec["volumeMounts"]:
            volume, place = volumes[mounted["name"]], Path(f"{folder}{mounted['mountPath']}")
            if "configMap" in volume:
                mount(place, maps[volume["configMap"]["name"]])
            elif "secret" in volume:
                of = volume["secret"]
                items = {item["key"]: item["path"] for item in of.get("items", [])}
                mount(place, {items.get(key, key): text for key, text in secrets[of["secretName"]].items()
                              if not items or key in items})
            else:
                place.mkdir(parents=True)
        ports = {port["containerPort"]: free_port() for port in self.spec["ports"]}
        self.ports = {port["name"]: ports[port["containerPort"]] for port in self.spec["ports"]}
        self.variables = {v["name"]: v["value"] if "value" in v else
                          secrets[v["valueFrom"]["secretKeyRef"]["name"]][v["valueFrom"]["secretKeyRef"]["key"]]
                          for v in self.spec["env"]}
        for name, value in self.variables.items():
            if value.startswith("/"):
                self.variables[name] = f"{folder}{value}"
        self.variables["MODEL_PATH"] = str(ROOT / "packs" / "cards" / "models" / "fraud.wasm")
        for inside, outside in ports.items():
            self.variables["WEIR_LISTEN"] = self.variables["WEIR_LISTEN"].replace(
                f"0.0.0.0:{inside}", f"127.0.0.1:{outside}")
        log = open(folder / "log", "wb")
        self.process = subprocess.Popen([weir, "serve"], env=self.variables, stdout=log, stderr=log)
        for _ in range(200):
            if ask(self.ports["probe"], "/health") is not None:
                break
            time.sleep(0.05)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def check_running(check, weir, folder, overlay):
    token = "not-a-secret-token-of-dev"
    with Container(weir, folder, overlay, {}) as container:
        ports, spec = container.ports, container.spec
        for hook in ("startupProbe", "readinessProbe", "livenessProbe"):
            get = spec[hook]["httpGet"]
            check.that(ask(ports[get["port"]], get["path"]) == 200, f"{hook} answers 200",
                       (folder / "log").read_text())
        check.that(ask(ports["probe"], "/metrics") == 200, "metrics without a token at the probe port")
        check.that(ask(ports["probe"], "/status") == 200, "and the status page")
        check.that(ask(ports["decisions"], "/status") == 401, "which wants a token elsewhere")
        check.that(ask(ports["probe"], "/v1/pack", token) == 403, "nothing else there, not even with one")
        check.that(ask(ports["decisions"], "/metrics") == 401, "no metrics without a token elsewhere")
        check.that(ask(ports["decisions"], "/v1/pack", token) == 200, "the token of the overlay dev is known")
        hook = spec["lifecycle"]["preStop"]["httpGet"]
        check.that(ask(ports[hook["port"]], hook["path"]) == 202, "preStop is taken")
        check.that(container.process.wait(15) == 0, "and the container ends with 0",
                   container.process.returncode)


def check_sharing(check, weir, folder, overlay, token):
    """The overlay `fleet` with the Secret of docs/cluster.md, against a Redis as docs/fleet.md has it."""
    if shutil.which("redis-server") is None:
        print("manifests: no redis-server: the overlay fleet was not started")
        return
    folder.mkdir()
    authority(folder, "ca")
    certificate(folder, "ca", "redis", "DNS:redis.redis.svc")
    port = free_port()
    redis = Redis(folder, None, "--tls-port", str(port), "--tls-cert-file", f"{folder}/redis.crt",
                  "--tls-key-file", f"{folder}/redis.key", "--tls-ca-cert-file", f"{folder}/ca.crt",
                  "--tls-auth-clients", "no")
    redis.ask("ACL", "SETUSER", "weir", "on", ">a password of the site", "~weir:*", "+hset", "+hgetall",
              "+pexpire", "+ping")
    secrets = {"risk-control-redis": {"address": f"tls:127.0.0.1:{port}", "user": "weir",
                                      "password": "a password of the site\n",
                                      "fleet.key": "a secret of all nodes of the site\n",
                                      "ca.crt": (folder / "ca.crt").read_text()},
               "risk-control-access": token}
    event = {"transaction": {"id": "1", "amount": 10}, "card": {"token": "c1"}}
    with Container(weir, folder, overlay, secrets) as node:
        metrics = f"http://127.0.0.1:{node.ports['probe']}/metrics"
        up, keys = False, []
        for _ in range(200):
            text = urllib.request.urlopen(metrics, timeout=5).read().decode()
            if not up and "\nweir_redis_up 1\n" in text:
                up = ask(node.ports["decisions"], "/v1/decisions", "not-a-secret-token-of-dev",
                         json.dumps(event).encode()) == 200
            keys = redis.ask("KEYS", "weir:1:*")
            if up and keys:
                break
            time.sleep(0.05)
        check.that(up and len(keys) == 2, "fleet: the container reaches Redis by TLS as its user, and shares",
                   (up, keys, (folder / "log").read_text()))
        spec = json.dumps(only(overlay, "Deployment"))
        check.that("a password of the site" not in spec + json.dumps(node.variables) and
                   node.variables["WEIR_REDIS"].startswith("tls:"), "fleet: secrets are files")
    redis.stop()


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
        token, = only(overlays["dev"], "Secret")
        check_sharing(check, weir, folder / "fleet", overlays["fleet"],
                      {name: base64.b64decode(text).decode() for name, text in token["data"].items()})
        (folder / "rendered").mkdir()
        check_fresh(check, folder / "rendered")
    finally:
        shutil.rmtree(folder)
    return check.end()


sys.exit(main())
