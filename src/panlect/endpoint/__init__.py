"""Models behind an address: any server that speaks the OpenAI protocol, local or not.

Nothing is sent anywhere unless a user's settings name an address. Every request and its reply is kept in one
file, and that file alone answers the same requests again, byte for byte.
"""

from panlect.endpoint.client import Endpoint, Reply
from panlect.endpoint.settings import EndpointConfig

__all__ = ["Endpoint", "EndpointConfig", "Reply"]
