"""Thaw Studio: transfer learning for image classification, in the browser and from the command line."""

import os

__version__ = "0.1.0"

# Said before any of these libraries is imported, in every process: nothing may call home.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")

# Threads of OpenMP that wait for each other spin for some 0.2 ms and then sleep, not for the 3 ms that is usual: with a
# browser and three busy programs on two cores, that took training from 40 pictures a second to 8. One that sleeps at
# once is woken too late: alone on the machine an epoch takes 1.2 to 1.3 times as long, though beside a busy program 0.8
# times. Read when the library is loaded, so said here.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # where the library is GNU's
