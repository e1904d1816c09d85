"""The ledger's tables of suppliers: their products, their orders, and the queue of their jobs."""
