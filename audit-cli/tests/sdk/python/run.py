"""What a user of the official Python SDK does with audit logs, from a schema to a downloaded export."""

import os
import urllib.request
from datetime import datetime, timedelta, timezone

from workos import WorkOSClient
from workos.audit_logs import RetentionPeriodInDays
from workos.audit_logs.models import (
    AuditLogEvent,
    AuditLogEventActor,
    AuditLogEventContext,
    AuditLogEventTarget,
    AuditLogSchemaActor,
    AuditLogSchemaTarget,
)
from workos import BadRequestError

ORGANIZATION = "org_01EHWNCE74X7JSDV0X3SZ3KJNY"
client = WorkOSClient(
    api_key=os.environ["WORKOS_API_KEY"],
    client_id="client_1",
    base_url=os.environ["WORKOS_BASE_URL"],
)
now = datetime.now(timezone.utc)


def event(targets):
    return AuditLogEvent(
        action="user.signed_in",
        version=1,
        occurred_at=now,
        actor=AuditLogEventActor(id="user_TF4C5938", type="user", name="Jon Smith", metadata={"role": "admin"}),
        targets=targets,
        context=AuditLogEventContext(location="1.1.1.1", user_agent="Chrome/104.0.0.0"),
        metadata={"extra": "data", "count": 3, "ok": True},
    )


USER = AuditLogEventTarget(id="user_98432YHF", type="user", name="Jon Smith")
TEAM = AuditLogEventTarget(id="team_J8YASKA2", type="team", metadata={"owner": "user_01GBTCQ2"})


def refused(targets):
    try:
        client.audit_logs.create_event(organization_id=ORGANIZATION, event=event(targets))
    except BadRequestError as error:
        return error
    raise AssertionError("the event was taken")


refused([USER, TEAM])

text = {"type": "object", "properties": {"owner": {"type": "string"}}}
schema = client.audit_logs.create_schema(
    "user.signed_in",
    targets=[AuditLogSchemaTarget(type="user"), AuditLogSchemaTarget(type="team", metadata=text)],
    actor=AuditLogSchemaActor(metadata={"type": "object", "properties": {"role": {"type": "string"}}}),
)
assert schema.version == 1, schema
actions = client.audit_logs.list_actions()
assert [action.name for action in actions.data] == ["user.signed_in"], actions
assert len(client.audit_logs.list_action_schemas("user.signed_in").data) == 1

for _ in range(2):
    answer = client.audit_logs.create_event(
        organization_id=ORGANIZATION, event=event([USER, TEAM]), idempotency_key="python-key"
    )
    assert answer.success is True, answer
refused([USER])

export = client.audit_logs.create_export(
    organization_id=ORGANIZATION,
    range_start=now - timedelta(hours=1),
    range_end=now + timedelta(hours=1),
    actor_ids=["user_TF4C5938"],
)
assert export.state == "pending", export
export = client.audit_logs.get_export(export.id)
assert export.state == "ready", export
csv = urllib.request.urlopen(export.url).read().decode()
assert "user_TF4C5938" in csv, csv

days = RetentionPeriodInDays(retention_period_in_days=365)
retention = client.audit_logs.update_organization_audit_logs_retention(ORGANIZATION, retention=days)
assert retention.retention_period_in_days == 365, retention
retention = client.audit_logs.get_organization_audit_logs_retention(ORGANIZATION)
assert retention.retention_period_in_days == 365, retention
configuration = client.organizations.get_audit_log_configuration(ORGANIZATION)
assert configuration.retention_period_in_days == 365, configuration
