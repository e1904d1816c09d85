"""A stand-in for BigBuy's REST API (https://api.bigbuy.eu/rest/doc)."""
