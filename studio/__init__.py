"""Thaw Studio: transfer learning for image classification, in the browser and from the command line."""

import os

__version__ = "0.1.0"

# Said before any of these libraries is imported, in every process: nothing may call home.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
