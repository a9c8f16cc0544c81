"""What the window knows, without a widget in it.

`session_controller` owns the session and tells of it in Qt signals; `settings_saver` keeps what a person changes, in
the `settings_file` and, for passwords, in the `keyring_store`; `window_memory` is what the window itself remembers.
Where the settings file cannot be used, `settings_guard` lets nothing connect. `fields` checks what is typed, `history`
is the traffic of two minutes, `idle_disconnect` leaves the mixnet when nobody uses it. `context` hands all of it to
pages.
"""
