"""NymConnect's mixnet: packets, links, nodes, directory and client.

Read the floors in the order a packet walks them: ``packet`` (bytes), ``link`` (how two parties talk), ``directory``
(who is there), ``client`` and ``node`` (machines and services); ``runtime`` is the rim to the operating system.
``docs/architecture.md`` has the picture.
"""

__version__ = "0.1.0"
