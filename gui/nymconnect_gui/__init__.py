"""The desktop program: a Qt window and a tray icon over one session. `docs/desktop.md` shows how it is built."""
