"""Let partners in: who they are, where their tokens are kept, and how their owners consent."""

import secrets
from dataclasses import dataclass, replace
from difflib import get_close_matches

from pydantic import SecretStr

from connectors.errors import ConfigurationError, Transient, Unauthorised
from connectors.ledger import Ledger, Partner, Vault
from connectors.records import ShopFacts
from connectors.renewal import as_secret
from connectors.settings import Settings, store_url
from connectors.shopify.consent import SCOPES, code_in, exchange, link
from connectors.shopify.tokens import FixedToken, Tokens
from tasks.desk import door, open_partner
from tasks.lease import clock
from tasks.token import PAIR, STATE, TOKEN, PartnersPair, secret_of

NEEDED = frozenset({"read_products"})
"""Without it nothing can be read; without the inventory scopes only the sum over all locations can."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What may be said of a partner; None leaves it as it is, or as is usual."""

    display_name: str | None = None
    orders_known: str | None = None
    when_stale: str | None = None


def located(text: str) -> tuple[str, str]:
    """Name and base URL of a store. Raises ConfigurationError unless it is on Shopify or this machine."""
    try:
        url = store_url(text)
    except ValueError as error:
        raise ConfigurationError(f"the shop {text} {error}") from None
    return url.rsplit("/", 1)[-1], url


def the_partner(ledger: Ledger, account: str, text: str) -> Partner:
    """A partner by its domain or base URL. Raises ConfigurationError that names the closest there is."""
    known = {partner.shop_domain: partner for partner in ledger.partners(account)}
    name = text.strip().lower().rstrip("/").rsplit("/", 1)[-1]
    if name not in known:
        close = get_close_matches(name, list(known), n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise ConfigurationError(f"there is no partner {text}{hint}")
    return known[name]


# ---------------------------------------------------------------------- add


def described(settings: Settings, ledger: Ledger, shop: str, terms: Terms) -> Partner:
    """A partner as it is to be stored. Raises ConfigurationError for the own store."""
    domain, url = located(shop)
    if domain == settings.shop:
        raise ConfigurationError(f"{domain} is the own store, not a partner")
    known = ledger.partner(settings.shop, domain)
    fresh = known or Partner(settings.shop, domain, url, domain, settings.now())
    return changed(replace(fresh, base_url=url, is_active=True), terms)


def changed(partner: Partner, terms: Terms) -> Partner:
    """The partner on other terms."""
    return replace(
        partner,
        display_name=terms.display_name or partner.display_name,
        orders_known=terms.orders_known or partner.orders_known,
        when_stale=terms.when_stale or partner.when_stale,
    )


def add_with_token(
    settings: Settings, ledger: Ledger, partner: Partner, token: SecretStr
) -> tuple[Partner, ShopFacts]:
    """Store a partner with a lasting token, once the token has opened that very store."""
    vault = Vault(settings.evenstock_secret_key)
    try:
        facts = greeted(settings, ledger, partner, FixedToken(token.get_secret_value()))
    except Unauthorised as error:
        raise ConfigurationError(
            f"{partner.shop_domain} refuses the token, nothing is stored: {error}"
        ) from None
    stored = ledger.add_partner(partner)
    ledger.store_secret(vault, stored.account, secret_of(stored, TOKEN), token, clock())
    ledger.forget_secret(stored.account, secret_of(stored, PAIR))
    return stored, facts


def greeted(settings: Settings, ledger: Ledger, partner: Partner, tokens: Tokens | None = None) -> ShopFacts:
    """Ask the store who it is. Raises ConfigurationError if it is another one, or may not be read."""
    with (shop := open_partner(settings, ledger, partner, tokens=tokens)).http:
        facts = shop.facts()
    if partner.base_url.endswith(".myshopify.com") and facts.domain != partner.shop_domain:
        raise ConfigurationError(f"the token opens {facts.domain}, not {partner.shop_domain}")
    missing = NEEDED - facts.scopes
    if missing:
        raise ConfigurationError(f"{partner.shop_domain}: the token lacks {', '.join(sorted(missing))}")
    return facts


def forget(ledger: Ledger, partner: Partner) -> None:
    """Remove a partner with its secrets."""
    for what in (TOKEN, PAIR, STATE):
        ledger.forget_secret(partner.account, secret_of(partner, what))
    ledger.remove_partner(partner.account, partner.id or 0, clock())


# ------------------------------------------------------------------ consent


@dataclass(frozen=True, slots=True)
class Question:
    """A link that asks a store's owner for consent, and what tells its answer from others."""

    partner: Partner
    link: str
    state: SecretStr


def question(settings: Settings, ledger: Ledger, partner: Partner, redirect: str) -> Question:
    """Ask for consent. A question that was not answered yet is asked again as it was."""
    vault = Vault(settings.evenstock_secret_key)
    client_id, _ = settings.partner_app
    name = secret_of(partner, STATE)
    state = ledger.secret(vault, partner.account, name) or SecretStr(secrets.token_urlsafe(24))
    ledger.store_secret(vault, partner.account, name, state, clock())
    shown = link(partner.base_url, client_id, state.get_secret_value(), scopes=SCOPES, redirect=redirect)
    return Question(partner, shown, state)


def consented(settings: Settings, ledger: Ledger, asked: Question, answer: str) -> ShopFacts:
    """Exchange the code in an answer and store the tokens, before they are used to ask who the store is.

    Raises ConfigurationError for an answer that is not one to this question, and what the exchange raises.
    """
    partner = asked.partner
    client_id, secret = settings.partner_app
    code = code_in(answer, shop=partner.shop_domain, state=asked.state.get_secret_value(), secret=secret)
    store = PartnersPair(lambda: ledger, Vault(settings.evenstock_secret_key), partner)
    with store.turn() as save, door(settings, partner) as http:
        if save is None:
            raise Transient(f"the token of {partner.shop_domain} is being renewed this moment: try again")
        save(as_secret(exchange(http, (client_id, SecretStr(secret)), code, clock())))
    ledger.forget_secret(partner.account, secret_of(partner, TOKEN))
    ledger.forget_secret(partner.account, secret_of(partner, STATE))
    return greeted(settings, ledger, partner)
