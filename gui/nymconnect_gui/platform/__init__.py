"""The desktop around the window: start at login, one instance for each user, whether there is a display and a tray."""
