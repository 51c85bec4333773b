"""Campaigns, products, prices and merchant accounts: what an order refers to."""

from django.db import models

from delivery.ids import new_id


class Campaign(models.Model):
    """A funnel or shop front through which orders come in; export routes may ask for one."""

    class Type(models.TextChoices):
        ECOMMERCE = "ECOMMERCE", "E-commerce"
        LANDER = "LANDER", "Lander"
        PHONE = "PHONE", "Phone"

    location = models.ForeignKey("customers.Location", models.PROTECT, related_name="campaigns")
    name = models.CharField(max_length=150)
    type = models.CharField(max_length=10, choices=Type, default=Type.ECOMMERCE)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("location", "name", name="campaign_name")]

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """Something that is sold, once or again every so many days."""

    location = models.ForeignKey("customers.Location", models.PROTECT, related_name="products")
    name = models.CharField(max_length=200)
    sku = models.CharField(max_length=64, blank=True)
    external_id = models.CharField(max_length=64, blank=True)
    category = models.CharField(max_length=100, blank=True)
    is_recurring = models.BooleanField(default=False)
    billing_interval_days = models.PositiveIntegerField(default=30)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint("location", "sku", name="product_sku", condition=~models.Q(sku="")),
        ]

    def __str__(self) -> str:
        return self.name


class CampaignProduct(models.Model):
    """A product as it is offered in one campaign."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="products")
    product = models.ForeignKey(Product, models.PROTECT, related_name="campaigns")
    price = models.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        constraints = [models.UniqueConstraint("campaign", "product", name="campaign_product")]

    def __str__(self) -> str:
        return f"{self.product} in {self.campaign}"


class Gateway(models.Model):
    """A merchant account: where payments are run."""

    location = models.ForeignKey("customers.Location", models.PROTECT, related_name="gateways")
    title = models.CharField(max_length=100)
    public_id = models.CharField(max_length=24, unique=True, default=new_id, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint("location", "title", name="gateway_title")]

    def __str__(self) -> str:
        return self.title
