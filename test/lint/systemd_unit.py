# SPDX-License-Identifier: Apache-2.0
"""The unit is as closed as it says: systemd's own rating where systemd-analyze is installed, and the
settings that matter most in any case."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

WORST = 1.5  # of 10; RELIABILITY: such a unit rates 1.2
NEEDED = {"DynamicUser": "yes", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "",
          "ProtectSystem": "strict", "MemoryDenyWriteExecute": "yes", "PrivateDevices": "yes",
          "SystemCallFilter": "setpriority sched_setattr",  # the last: threads give way, or hasten
          "RestrictNamespaces": "yes", "UMask": "0077", "LimitCORE": "0", "IPAddressDeny": "any"}


def main():
    path, failed = Path(sys.argv[1]), 0
    settings = dict(re.findall(r"^(\w+)=(.*)$", path.read_text(), re.M))
    for key, value in NEEDED.items():
        if settings.get(key) != value:
            print(f"systemd_unit: not so: {key}={value} (it is {settings.get(key)})")
            failed += 1
    rating = "not rated: no systemd-analyze"
    if shutil.which("systemd-analyze"):
        out = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                              f"--threshold={int(WORST * 10)}", str(path)], capture_output=True, text=True)
        found = re.search(r"exposure level for \S+: ([\d.]+)", out.stdout)
        if found:
            rating = f"rated {found.group(1)}"
            if float(found.group(1)) > WORST:
                print(f"systemd_unit: not so: exposure {found.group(1)} is at most {WORST}")
                failed += 1
    print(f"systemd_unit: {rating}, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
