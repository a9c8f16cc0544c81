"""The desktop program: a Qt window and a tray icon over one session.

`docs/desktop.md` shows what it does, `docs/desktop-development.md` how it is built.
"""
