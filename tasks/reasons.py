"""What each reason means to the person who reads a report, and what to do about it."""

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    # unknown: left alone
    "no_ccod": "the product has no CCOD metafield: fill it in, or exclude the product by its tag",
    "fed_elsewhere": "not RMS's goods, another source feeds the level; nothing to do",
    "no_sku": "the variant has no SKU: give it the one that RMS uses",
    "not_in_rms": "RMS returned no row for this SKU: check its spelling and the product's CCOD",
    "unreadable_quantity": "what RMS holds as quantity is no number: correct it there",
    "changed_while_reading": "RMS changed the row while it was being read: the next run reads it again",
    "rms_unreachable": "RMS did not answer: check the database, then run again",
    "partner_unreachable": "the partner's store did not answer; its levels stay until it does",
    "partner_refused": "the partner's store refuses our access: ask the partner for consent again",
    "partner_unreadable": "the partner's store gave no number: does its access include inventory?",
    "partner_untracked": "the partner does not track this item's stock: there is no number to follow",
    "partner_gone": "not sold by the partner, or not stocked where it counts; zero after GONE_AFTER_HOURS",
    "supplier_unknown": "the supplier gave no number yet; the next job may",
    "supplier_gone": "missing at the supplier; counts as zero after GONE_AFTER_HOURS",
    "level_unreadable": "Shopify gave no number for this level: the next run reads it again",
    # refused: not written, with a reason that stays until someone acts
    "archived": "the product is archived; nothing to do",
    "excluded": "the product carries the tag that excludes it; nothing to do",
    "twin_in_shop": "several variants of the shop share this SKU: give each its own",
    "twin_in_rms": "several rows of RMS share this SKU: correct it there",
    "untracked": "Shopify does not track this item's stock: switch tracking on if it should",
    "missing_level": "not stocked at the location: stock it there, or set REVERSE_SYNC_MISSING_LEVEL",
    "inactive_level": "the item is inactive at the location: activate it, or set REVERSE_SYNC_MISSING_LEVEL",
    "other_truth": "another source feeds this level: move it with `evenstock levels own` if RMS should",
    "rebound": "the SKU belongs to another RMS item than before: confirm it with `evenstock levels rebind`",
    "two_feeds": "several mappings feed this variant and do not say `sums`: correct the mappings",
    "max_quantity": "more than MAX_QUANTITY: surely a typing error in RMS",
    "gone": "the shop no longer has it; nothing to do",
    "locked": "another run is working on the product; this one left it alone",
    "writes_off": "EVENSTOCK_WRITES=off: nothing is written",
    "non_mutable_inventory_item": "a bundle has no stock of its own: Shopify derives it from its parts",
    "invalid_location": "Shopify does not know the location: check SHOPIFY_LOCATION_ID",
    "invalid_inventory_item": "Shopify does not know the item any more",
    "not_activated": "Shopify would not activate the item at the location",
    "shop_moved": "the shop holds something else than when it was planned: plan it again",
    "truth_moved": "RMS says something else than when it was planned: plan it again",
    # held: waits for a person
    "mass_zero": "so many levels would go to zero that a person has to look first",
    "mass_fall": "so many units would go that a person has to look first",
    "mass_rise": "so many units would come that a person has to look first",
    # conflict, failed, parked
    "compare_lost_twice": "somebody else kept changing this level; the next run tries again",
    "previous_attempt_failed": "Shopify gave this write up half-way, several times; the next run tries again",
    "unclear_outcome": "an answer was lost and the level tells nothing clear; the next run looks again",
    "vanished": "it was there a moment ago and is not now; the next run looks again",
    "drift": "the shop does not hold what was written and no sale explains it: was it corrected by hand?",
    "no_answer": "Shopify's answers were lost again and again; the next run tries again",
    "unreadable": "the level could not be read just before writing; the next run tries again",
    "rolled_back": "taken back, because another line of the same product failed",
    "interrupted": "the batch broke off; the next run reads the level again and finishes",
    "same_error": "failed three times alike: parked until its numbers change",
    "transient": "Shopify was not to be had; the next run tries again",
    "rate_limited": "Shopify's rate limit was used up by others; the next run tries again",
    "unauthorised": "Shopify refuses the token: check SHOPIFY_ADMIN_TOKEN and the app's scopes",
    "malformed": "Shopify's answer was not understood",
    "call_refused": "Shopify refused the call itself, whatever it was to write; its words are in the note",
    "refused": "Shopify refused the write; its words are in the note",
    # not deleted: the variant stays, with its level at zero
    "not_exactly_zero": "RMS did not say exactly 0: a negative, fractional or text quantity proves nothing",
    "zero_days": "RMS has not said zero for REVERSE_SYNC_ZERO_DAYS yet",
    "only_variant": "the product's last variant stays: Shopify never deletes it",
    "product_archived": "every variant would go, so the product was archived instead",
    "not_all_go": "a variant of the product stays, so it was not archived; the next run looks again",
    "archive_failed": "the product could not be archived; the next run tries again",
    "max_deletions": "MAX_DELETIONS of these 24 hours are used up; a later run takes it",
    "incoming_inventory": "stock is on its way to a location",
    "stock_somewhere": "a location still holds, promises or reserves units of it",
    "recent_orders": "it was ordered within REVERSE_SYNC_RECENT_ORDER_DAYS",
    "orders_unreadable": "orders could not be read far enough back: grant read_orders",
    "policy_continue": "it is sold beyond its stock (policy CONTINUE)",
    "bundle": "it is a bundle",
    "gift_card": "it is a gift card",
    "selling_plan": "it is on a selling plan",
    "snapshot_cut": "it has more metafields than its snapshot could keep",
    "check_failed": "a check could not be made, which counts as no",
    "delete_failed": "Shopify did not delete it; the next run tries again",
    # not in the shop
    "restocked_after_deletion": "RMS has stock of a deleted variant: `evenstock variants restore` it",
    # unchanged
    "already_level": "somebody else had brought it level already",
}


def meaning(reason: str) -> str:
    """What a reason means; codes that only Shopify knows speak for themselves."""
    return REASONS.get(reason, reason.replace("_", " "))
