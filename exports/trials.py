"""Send test: what is saved, said of a chosen order, to the real address; on record, in no count."""

from django.core.exceptions import ValidationError

from delivery import services
from delivery.ids import new_id
from delivery.queue import NewDelivery
from exports import validation
from exports.examples import Example
from exports.models import ExportProfile
from exports.render import compiled


def send_test(profile: ExportProfile, example: Example, *, by: str) -> str:
    """Queues it, ahead of all else, also while the profile is switched off; the delivery's id.

    Raises ValidationError if the profile may not send what it says: the rules are those of an active one.
    """
    mappings = list(profile.mappings.all())
    if profile.type != ExportProfile.Type.POSTBACK:
        raise ValidationError("Only a Postback can be tested.")
    if not profile.url:
        raise ValidationError("Type in the Postback URL and update first.")
    validation.check_profile(profile)
    validation.check_mappings(mappings)
    validation.check_together(validation.as_active(profile), mappings)
    test = NewDelivery(
        id=new_id(),
        event_id=None,
        channel="export",
        target_id=profile.pk,
        target_name=profile.name,
        target_version=profile.version,
        reason=example.kind.label if example.kind else "",
        endpoint_id=profile.endpoint_id,
        content=example.content(compiled(mappings, omit_empty=profile.omit_empty)),
        is_test=True,
    )
    services.send_test(test, by=by)
    return test.id
