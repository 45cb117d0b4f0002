"""How much memory a process has taken."""

import pathlib
import sys

try:
    import resource
except ImportError:  # Windows
    resource = None

STATUS = pathlib.Path("/proc/self/status")


def peak_memory_mb():
    """Returns the largest resident memory of this process so far, in MB; 0 where the system does not say (Windows).

    On Linux it is the process's own: `resource` would count what its parent had when it started it, too.
    """
    said = STATUS.read_text() if STATUS.is_file() else ""
    if "VmHWM:" in said:
        return round(int(said.partition("VmHWM:")[2].split()[0]) / 1e3)
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3))
