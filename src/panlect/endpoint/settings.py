"""The settings of an endpoint."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from panlect.config import Config
from panlect.errors import ConfigError


class EndpointConfig(Config):
    """A server that speaks the OpenAI protocol, and what it may cost."""

    url: str
    """Where it is, as far as the version: `http://127.0.0.1:8000/v1`."""
    model: str
    """The model's name there."""
    cache: str
    """The file that keeps every request and reply. What is in it is never asked, or paid for, again."""
    replay_only: bool = False
    """Answer from the file alone and send nothing; what the file does not know fails."""
    key_variable: str = ""
    """The name of the environment variable that holds the key; the key itself is written nowhere."""
    concurrency: int = Field(default=8, ge=1, le=256)
    """Requests under way at once."""
    requests_per_minute: float = Field(default=0, ge=0)
    """No more requests than this; 0 sets no limit."""
    attempts: int = Field(default=5, ge=1)
    """How often a request is tried that failed for a reason that may pass."""
    first_pause_seconds: float = Field(default=1.0, gt=0)
    """Pause before the second attempt; it doubles with each, unless the server says how long to wait."""
    longest_pause_seconds: float = Field(default=120.0, gt=0)
    """No pause is longer, whatever the server says."""
    timeout_seconds: float = Field(default=120.0, gt=0)
    """A reply that takes longer counts as lost, and as paid in full."""
    answer_tokens: int = Field(default=1024, ge=1)
    """`max_tokens` of requests that do not say otherwise."""
    budget_tokens: int = Field(default=0, ge=0)
    """Never use more tokens than this over the life of the cache, prompts included; 0 sets no limit."""
    budget_cost: float = Field(default=0.0, ge=0)
    """Never spend more than this over the life of the cache, in the prices' currency; 0 sets no limit."""
    cost_per_million_prompt_tokens: float = Field(default=0.0, ge=0)
    """The price of a million tokens of prompt."""
    cost_per_million_answer_tokens: float = Field(default=0.0, ge=0)
    """The price of a million tokens of answer."""

    @model_validator(mode="after")
    def _consistent(self) -> EndpointConfig:
        address = urlsplit(self.url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError(f"url {self.url!r} must begin with http:// or https:// and name a host")
        if address.username or address.password or address.query:
            raise ValueError(
                "url must hold no name, password or query; name the key's variable in key_variable"
            )
        if self.key_variable and address.scheme == "http" and not _is_loopback(address.hostname):
            raise ValueError("a key must not travel unencrypted: use https, or an address on this machine")
        priced = self.cost_per_million_prompt_tokens + self.cost_per_million_answer_tokens
        if self.budget_cost and not priced:
            raise ValueError(
                "budget_cost needs cost_per_million_prompt_tokens and cost_per_million_answer_tokens"
            )
        return self

    def key(self) -> str:
        """Read the key from the environment.

        Raises:
            ConfigError: the variable is not set.
        """
        if self.key_variable and not os.environ.get(self.key_variable):
            raise ConfigError(
                f"the environment variable {self.key_variable} is not set",
                where="endpoint.key_variable",
                fix=f"export {self.key_variable}=…, or set replay_only",
            )
        return os.environ.get(self.key_variable, "") if self.key_variable else ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
