"""Four gateways as a directory may list them: a long name, a short one, none, and one that does badly."""

from nymconnect_proxy.session.status import KnownGateway

SWISS = KnownGateway("7gWkGxzPLoQ9vYbT2mNsRcA4uHdJfEeVpXq3Z8KtBnMw", "gateway-of-a-long-name.example.org", "CH", 0.995)
GERMAN = KnownGateway("9xTqLm4WbYcRzVnKpD7sGhJ2fEuXaQ8kNtMwBoPv3CdS", "gw.example.net", "DE", 1.0)
NOWHERE = KnownGateway("4HkRzPqWmYtXcVbN8sLdGfJ3aEuTo6QwMxKpD2nBvCyZ", "198.51.100.23", "", 1.0)
POOR = KnownGateway("2LkJhGfDsAqWeRtYuPoZxCvBnM3n4B5v6C7x8Z9aSdFg", "zz.example.net", "AT", 0.29)
GATEWAYS = (SWISS, POOR, NOWHERE, GERMAN)
