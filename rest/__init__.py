"""What every resource of the REST API shares; it knows no resource."""
