"""Bodies of requests, as the specification shows them, and what answers consist of."""
import re
from typing import Any

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}(\d{3})?)?Z")

LEAD = {
    "company_id": 1,
    "creator_id": 1,
    "latitude": 37.7749,
    "longitude": -122.4194,
    "address": "123 Solar St, San Francisco, CA 94102",
    "source": 2,
    "kwh_usage": 12000,
    "system_size": 10.5,
    "panel_count": 30,
    "create_3d_model": False,
}

PROJECT = {
    "latitude": 37.7749,
    "longitude": -122.4194,
    "address": {
        "street": "123 Solar Street",
        "city": "San Francisco",
        "state": "CA",
        "Postalcode": "94102",
        "country": "USA",
    },
    "homeowner": {
        "email": "homeowner@example.com",
        "first_name": "John",
        "last_name": "Doe",
        "phone": "+1234567890",
    },
    "hardware": {"panel_id": 1, "inverter_id": 1, "storage_id": 1, "storage_quantity": 2},
    "consumption": [800, 850, 900, 950, 1000, 1050, 1100, 1150, 1200, 1250, 1300, 1350],
    "lse_id": 1,
    "period": "month",
    "target_solar_offset": 100,
    "mode": "max",
    "unit": "kwh",
    "company_id": 1,
    "creator_id": 1,
}

LEAD_MEMBERS = {
    "id", "company_id", "creator_id", "latitude", "longitude", "address", "source", "kwh_usage",
    "system_size", "panel_count", "annual_production", "state", "promo_code", "is_2d",
    "external_lead_id", "sync_status", "last_synced_at", "panel_id", "inverter_id", "utility_id",
    "roof_material", "installation_date", "lightfusion_3d_project_id", "lightfusion_3d_house_id",
    "model_3d_status", "model_3d_created_at", "model_3d_completed_at", "has_3d_model",
    "created_at", "updated_at", "model_3d_error", "progress", "eta",
}

# Set by the program alone.
LEAD_READ_ONLY = {
    "id", "last_synced_at", "lightfusion_3d_project_id", "lightfusion_3d_house_id",
    "model_3d_status", "model_3d_created_at", "model_3d_completed_at", "has_3d_model",
    "created_at", "updated_at",
}

# Of the answer to POST /api/projects/3d.
ORDERED_MEMBERS = {
    "id", "lead_id", "house_id", "status", "annual_production", "system_size", "estimated_cost",
    "annual_savings", "message",
}

# Of the answer to GET /api/projects/3d/{id}.
STATUS_MEMBERS = {
    "id", "lead_id", "house_id", "status", "progress", "system_size", "panel_count",
    "annual_production", "estimated_cost", "annual_savings", "panel", "inverter", "storage",
    "adders", "price_breakdown", "lead_completion",
}


def lead(**changes: Any) -> dict[str, Any]:
    """The specification's lead, changed."""
    return LEAD | changes


def small_lead(**changes: Any) -> dict[str, Any]:
    """A lead with the required members only."""
    required = ("company_id", "creator_id", "latitude", "longitude")
    return {name: LEAD[name] for name in required} | changes


def project(**changes: Any) -> dict[str, Any]:
    """The specification's project, changed."""
    return PROJECT | changes


def project_for(lead_id: int, **changes: Any) -> dict[str, Any]:
    """The specification's project for a lead that exists."""
    return project(lead_id=lead_id, **changes)
