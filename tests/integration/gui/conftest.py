"""Programs of this folder see neither the display nor the session bus of whoever runs the tests."""

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)
