"""Thaw Studio: transfer learning for image classification, in the browser and from the command line."""

import os

__version__ = "0.1.0"

# Said before any of these libraries is imported, in every process: nothing may call home.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")

# Threads of OpenMP that wait for each other must sleep, not spin: with a browser and three busy programs on two cores,
# spinning took training from 40 pictures a second to 8. Read when the library is loaded, so said here.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
