"""A stand-in for AliExpress's Open Platform, its dropshipper methods (https://openservice.aliexpress.com)."""
