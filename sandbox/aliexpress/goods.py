"""One product (https://openservice.aliexpress.com/doc/api.htm, aliexpress.ds.product.get)."""

import json
from typing import Any, Final

from sandbox.aliexpress.answers import dropped, wrapped
from sandbox.aliexpress.model import Account, priced
from sandbox.book import Row
from sandbox.rest import Asked

Json = Any
Content = dict[str, Any]

NO_ITEM: Final[Content] = {"rsp_code": 605, "rsp_msg": "ITEM_ID_NOT_FOUND"}
SUCCESS: Final[Content] = {"rsp_code": 200, "rsp_msg": "Call succeeds"}


def product_get(account: Account, asked: Asked) -> Content:
    """Everything of a product, as it is sold to one country."""
    return _product(account, asked, tiers=False)


def wholesale_get(account: Account, asked: Asked) -> Content:
    """The same, with prices for larger quantities."""
    return _product(account, asked, tiers=True)


def _product(account: Account, asked: Asked, *, tiers: bool) -> Content:
    wanted = asked.arguments
    row = account.product(wanted["product_id"])
    country = wanted["ship_to_country"]
    if row is None:
        return NO_ITEM
    if country in row["not_shipped_to"]:
        return {"rsp_code": 606, "rsp_msg": "The item is not allowed to this country"}
    return {"result": _result(row, country, wanted.get("target_currency", "USD"), tiers=tiers), **SUCCESS}


def _result(row: Row, country: str, currency: str, *, tiers: bool) -> Content:
    skus = [_sku(sku, currency, row, country, tiers=tiers) for sku in row["skus"]]
    return dropped(
        ae_item_base_info_dto=_base(row),
        ae_item_sku_info_dtos=wrapped("ae_item_sku_info_d_t_o", skus),
        ae_multimedia_info_dto=dropped(
            image_urls=";".join(row["images"]),
            ae_video_dtos=wrapped("ae_video_d_t_o", [_video(row["video"])] if row["video"] else []),
        ),
        package_info_dto={
            "package_width": 12, "package_height": 5, "package_length": 20, "gross_weight": "0.250",
            "package_type": False, "product_unit": 100000015, "base_unit": 1,
        },
        logistics_info_dto={"delivery_time": row["delivery_days"], "ship_to_country": country},
        ae_item_properties=wrapped("ae_item_property", row["properties"]),
        ae_store_info={
            "store_id": 1101234567, "store_name": row["store"], "store_country_code": "CN",
            "item_as_described_rating": "4.7", "communication_rating": "4.8", "shipping_speed_rating": "4.6",
        },
        has_whole_sale=any(sku["wholesale"] for sku in row["skus"]),
        product_id_converter_result={
            "main_product_id": int(row["product_id"]),
            "sub_product_id": json.dumps({site: int(number) for site, number in row["local_ids"].items()}),
        },
    )  # fmt: skip


def _base(row: Row) -> Content:
    return dropped(
        product_id=int(row["product_id"]),
        category_id=row["category_id"],
        subject=row["subject"],
        currency_code=row["currency"],
        product_status_type=row["status"],
        ws_display=row["ws_display"],
        ws_offline_date="2027-11-01 00:00:00",
        gmt_create=row["gmt_create"],
        gmt_modified=row["gmt_modified"],
        owner_member_seq_long=222222222,
        evaluation_count="120",
        avg_evaluation_rating="4.7",
        sales_count=row["orders"].replace(",", ""),
        detail=row["detail"],
        mobile_detail=json.dumps({"version": "2.0", "moduleList": []}),
        category_sequence=f"322,{row['category_id']}",
        separated_listing=False,
        sl_product=False,
    )


def _video(url: str) -> Content:
    return {"ali_member_id": 1, "media_id": 1, "media_status": "approved", "media_type": "video",
            "poster_url": "https://ae01.example/poster.jpg", "media_url": url}  # fmt: skip


def _sku(sku: Row, currency: str, row: Row, country: str, *, tiers: bool) -> Content:
    stock = sku["stock"]
    return dropped(
        sku_id=sku["sku_id"],
        id=sku["sku_attr"],
        sku_attr=sku["sku_attr"],
        sku_code=sku["sku_code"],
        ean_code=sku["ean"],
        sku_price=priced(sku["list_price"] or sku["price"], currency),
        offer_sale_price=priced(sku["price"], currency),
        offer_bulk_sale_price=priced(sku["bulk_price"], currency) if sku["bulk_price"] else None,
        sku_bulk_order=sku["bulk_from"],
        sku_available_stock=stock,
        ipm_sku_stock=stock,
        s_k_u_available_stock=stock,
        sku_stock=None if stock is None else str(stock) != "0",
        currency_code=currency,
        price_include_tax=True if country in row["vat_in"] else None,
        tax_amount=priced(sku["tax"], currency) if sku["tax"] else None,
        tax_currency_code=currency if sku["tax"] else None,
        ae_sku_property_dtos=wrapped("ae_sku_property_d_t_o", _options(sku)),
        wholesale_price_tiers=sku["wholesale"] if tiers and sku["wholesale"] else None,
    )


def _options(sku: Row) -> list[Json]:
    return [
        dropped(
            sku_property_id=14 + place,
            sku_property_name=name,
            sku_property_value=value,
            property_value_id=29 + place,
            property_value_definition_name=value,
            sku_image=sku["image"],
        )
        for place, (name, value) in enumerate(sku["options"].items())
    ]
