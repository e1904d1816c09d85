"""The ledger's tables of own items and of the marketplaces they are listed on."""
