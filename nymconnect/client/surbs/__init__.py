"""The books of reply SURBs: those that others gave us (`received`) and those that we gave others (`issued`).

A reply SURB is a one-way ticket: its holder answers once and never learns to whom. `received` keeps the stocks of a
sender tag and says when to ask for more; `issued` keeps the keys that open the answers. `aliases` are several names of
one correspondent, so that it cannot tell that two of our conversations are of one client. What is sent for any of this
goes through `sending.surb_controller`.
"""
