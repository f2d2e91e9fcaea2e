// What a user of the official Node SDK does with audit logs, from a schema to a downloaded export.

import assert from "node:assert/strict";
import { WorkOS } from "@workos-inc/node";

const base = new URL(process.env.WORKOS_BASE_URL);
const workos = new WorkOS(process.env.WORKOS_API_KEY, {
  apiHostname: base.hostname, port: Number(base.port), https: false,
});
const organization = "org_01EHWNCE74X7JSDV0X3SZ3KJNY";
const event = {
  action: "user.signed_in",
  version: 1,
  occurredAt: new Date(),
  actor: { type: "user", id: "user_TF4C5938", name: "Jon Smith", metadata: { role: "admin" } },
  targets: [
    { type: "user", id: "user_98432YHF", name: "Jon Smith" },
    { type: "team", id: "team_J8YASKA2", metadata: { owner: "user_01GBTCQ2" } },
  ],
  context: { location: "1.1.1.1", userAgent: "Chrome/104.0.0.0" },
  metadata: { extra: "data" },
};

const unregistered = await workos.auditLogs
  .createEvent(organization, event).then(() => null, (error) => error);
assert.equal(unregistered?.name, "BadRequestException", String(unregistered));

const schema = await workos.auditLogs.createSchema({
  action: "user.signed_in",
  actor: { metadata: { role: "string" } },
  targets: [{ type: "user" }, { type: "team", metadata: { owner: "string" } }],
  metadata: { extra: "string" },
});
assert.equal(schema.version, 1);
assert.deepEqual(schema.targets.map((target) => target.type), ["user", "team"]);
const schemas = await workos.auditLogs.listSchemas("user.signed_in");
assert.equal(schemas.data.length, 1);

for (let attempt = 0; attempt < 2; attempt += 1) {
  await workos.auditLogs.createEvent(organization, event, { idempotencyKey: "node-key" });
}
const wrong = { ...event, targets: event.targets.slice(0, 1) };
const refused = await workos.auditLogs.createEvent(organization, wrong).then(() => null, (error) => error);
assert.equal(refused?.code, "invalid_audit_log");
assert.equal(refused.errors[0].instancePath, "/targets/0/type");

const range = { rangeStart: new Date(Date.now() - 3_600_000), rangeEnd: new Date(Date.now() + 3_600_000) };
const created = await workos.auditLogs.createExport({ organizationId: organization, ...range, actions: ["user.signed_in"] });
assert.equal(created.state, "pending");
const ready = await workos.auditLogs.getExport(created.id);
assert.equal(ready.state, "ready");
const csv = await (await fetch(ready.url)).text();
assert.ok(csv.includes("user_TF4C5938"), csv);

const set = await workos.auditLogs.updateOrganizationAuditLogsRetention({ id: organization, retentionPeriod: "1_YEAR" });
assert.equal(set.retentionPeriodInDays, 365);
const retention = await workos.auditLogs.getOrganizationAuditLogsRetention({ id: organization });
assert.equal(retention.retentionPeriodInDays, 365);
