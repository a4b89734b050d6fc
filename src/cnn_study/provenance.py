"""Facts about the machine and the code that made a run: told in its record, never decided by."""

import platform
import subprocess
from pathlib import Path

PACKAGE = Path(__file__).parent


def processor() -> str:
    """Name the CPU's model."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    if platform.system() == "Darwin":
        return _output(["sysctl", "-n", "machdep.cpu.brand_string"]) or platform.machine()
    return platform.processor() or platform.machine()


def commit() -> tuple[str | None, bool | None]:
    """Give the project's commit, and whether the package's files differ from it."""
    head = _output(["git", "-C", str(PACKAGE), "rev-parse", "HEAD"])
    if not head:
        return None, None
    changed = _output(["git", "-C", str(PACKAGE), "status", "--porcelain", "--", str(PACKAGE)])
    return head, bool(changed)


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
