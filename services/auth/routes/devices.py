"""`/api/v1/auth/devices`: the devices that the account is known on."""

from typing import Any
from uuid import UUID

from services.auth.schemas.devices import DeviceListSchema
from services.auth.sign_in import devices
from shared.chassis.access import caller, signed_in
from shared.chassis.openapi import Blueprint

blueprint = Blueprint(
    "devices",
    __name__,
    url_prefix="/api/v1/auth/devices",
    description="The devices that the caller has signed in on.",
)


@blueprint.get("")
@signed_in
@blueprint.response(200, DeviceListSchema)
def show_all() -> dict[str, Any]:
    """List your known devices, most recently seen first."""
    who = caller()
    return {"items": devices.list_own(who.account_id, who.session_id), "next_cursor": None}


@blueprint.delete("/<uuid:device_id>")
@signed_in
@blueprint.response(204)
def forget(device_id: UUID) -> None:
    """Forget a known device. Its session continues; `DELETE /sessions/{id}` ends it."""
    devices.forget(caller().account_id, device_id)
