"""The desktop program: a Qt window and a tray icon over one session. `docs/desktop-development.md` shows how it is built."""
