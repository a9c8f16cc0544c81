"""``nymconnect`` with a requester that says it is of other software, and so is asked for no constant rate.

What the line shows then is what client and gateway do alone. It also takes half the work off the network, which matters
where one process does the work of all nodes.
"""

import sys

from nymconnect_proxy.cli import main
from nymconnect_proxy.exit import requester

if __name__ == "__main__":
    requester.BINARY_NAME = "nym-network-requester"
    sys.exit(main())
