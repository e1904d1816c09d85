"""The channels that a user's imported products may feed: which way, and whether at all."""

from dataclasses import replace

from connectors.errors import ConfigurationError
from connectors.ledger import Ledger
from connectors.ledger.supplier_records import MarketplaceIntegration
from connectors.settings import Settings


def name_of(channel: MarketplaceIntegration) -> str:
    """What people call a channel."""
    return f"{channel.platform}:{channel.shop_id}"


def change(
    settings: Settings,
    ledger: Ledger,
    user_id: str,
    name: str,
    *,
    direction: str | None = None,
    is_active: bool | None = None,
) -> MarketplaceIntegration:
    """Change a channel; None leaves it as it is. Raises ConfigurationError if the user has none such."""
    known = {name_of(each): each for each in ledger.integrations(user_id)}
    if name not in known:
        theirs = ", ".join(known) or "none"
        raise ConfigurationError(f"user {user_id} has no channel {name}; theirs: {theirs}")
    old = known[name]
    changed = replace(
        old,
        sync_direction=direction or old.sync_direction,
        is_active=old.is_active if is_active is None else is_active,
        updated_at=settings.now(),
    )
    ledger.change_channel(changed)
    return changed
