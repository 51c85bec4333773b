"""An order can be followed from its lines in the files to the bytes at the receiver, by commands alone."""

import csv
import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from orders.models import Order
from tests.processes import ROOT, Processes
from tests.receiver import Receiver

SLICE = ROOT / "demo" / "data" / "olist"
BRAZIL = ZoneInfo("America/Sao_Paulo")


def test_from_a_line_of_the_file_to_the_receiver(
    processes: Processes, receiver: Receiver, tmp_path: Path
) -> None:
    line = max(lines("orders"), key=lambda one: one["order_delivered_customer_date"])
    arrived = datetime.fromisoformat(line["order_delivered_customer_date"]).replace(tzinfo=BRAZIL)
    days = (datetime.now(UTC) - arrived).days  # whole days, so that it arrived within the last one
    profiles = tmp_path / "profiles.json"
    profiles.write_text(json.dumps({"profiles": [profile(receiver.url("/arrived"))]}))

    assert processes.run("load_profiles", str(profiles)).returncode == 0
    imported = processes.run(
        "import_orders", str(SLICE), "--preset", "olist", "--shift-days", str(days), "--json"
    )
    assert imported.returncode in (0, 1), imported.stderr  # 1: what is still to come is rejected
    assert processes.run("sweep_exports", "--now").returncode == 0
    assert processes.run("deliver").returncode == 0

    items = [one for one in lines("order_items") if one["order_id"] == line["order_id"]]
    total = sum(Decimal(one["price"]) + Decimal(one["freight_value"]) for one in items)
    [body] = [
        body for one in receiver.requests if (body := json.loads(one.body))["order_id"] == line["order_id"]
    ]
    assert body == {
        "order_id": line["order_id"],
        "total": f"{total:.2f}",
        "sku": items[0]["product_id"],
        "price": f"{Decimal(items[0]['price']):.2f}",
        "what": "Fulfillment delivered",
    }
    order = Order.objects.get(external_order_id=line["order_id"])
    explained = processes.run("explain", order.client_order_id, "--json")
    [verdict] = [one for one in json.loads(explained.stdout)["verdicts"] if one["outcome"] == "exported"]
    sent = next(one for one in receiver.requests if json.loads(one.body)["order_id"] == line["order_id"])
    assert verdict["delivery_id"] == sent.header("webhook-id")


def lines(name: str) -> list[dict[str, str]]:
    with gzip.open(SLICE / f"{name}.csv.gz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def profile(url: str) -> dict[str, object]:
    fields = {
        "order_id": "externalOrderId",
        "total": "totalPrice",
        "sku": "product1_sku",
        "price": "product1_price",
        "what": "customerType",
    }
    mappings = [
        {"export_name": "header:Content-Type", "field": "Static", "static_value": "application/json"},
        *({"export_name": name, "field": field, "static_value": ""} for name, field in fields.items()),
    ]
    route = {"customer_type": "Fulfillment delivered", "campaign": None, "product": None}
    return {
        "name": "Fulfilment house",
        "type": "postback",
        "url": url,
        "delay": 0,
        "cadence": "sweep",
        "active": True,
        "mappings": mappings,
        "routes": [route],
    }
