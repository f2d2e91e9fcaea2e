//! What a user of the official Rust SDK does with audit logs, from a schema to a downloaded export.

use serde_json::{Value, from_value, json};
use workos::audit_logs::{
    CreateEventParams, CreateExportParams, CreateSchemaParams, ListActionsParams, Retention,
    UpdateOrganizationAuditLogsRetentionParams, UpdateOrganizationAuditLogsRetentionParamsBody,
};
use workos::{Client, Error, RequestOptions};

const ORGANIZATION: &str = "org_01EHWNCE74X7JSDV0X3SZ3KJNY";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder()
        .api_key(std::env::var("WORKOS_API_KEY")?)
        .base_url(std::env::var("WORKOS_BASE_URL")?)
        .build();
    let logs = client.audit_logs();
    let team = json!({"id": "team_J8YASKA2", "type": "team", "metadata": {"owner": "user_01GBTCQ2"}});
    let user = json!({"id": "user_98432YHF", "type": "user", "name": "Jon Smith"});
    let event = |targets: Value| -> Result<CreateEventParams, serde_json::Error> {
        from_value(json!({"organization_id": ORGANIZATION, "event": {
            "action": "user.signed_in", "occurred_at": "2026-01-15T12:00:00.000Z", "version": 1,
            "actor": {"id": "user_TF4C5938", "type": "user", "metadata": {"role": "admin"}},
            "targets": targets, "context": {"location": "1.1.1.1"},
            "metadata": {"extra": "data", "count": 3.0, "ok": true}}}))
        .map(CreateEventParams::new)
    };

    let unregistered = logs.create_event(event(json!([user, team]))?).await;
    assert!(matches!(&unregistered, Err(Error::Api(error)) if error.status == 400), "{unregistered:?}");

    let schema = from_value(json!({"targets": [{"type": "user"}, {"type": "team", "metadata":
        {"type": "object", "properties": {"owner": {"type": "string"}}}}]}))?;
    let schema = logs.create_schema("user.signed_in", CreateSchemaParams::new(schema)).await?;
    assert_eq!(schema.version, 1);
    let actions = logs.list_actions(ListActionsParams::default()).await?;
    assert_eq!(actions.data.len(), 1);

    for _ in 0..2 {
        let options = RequestOptions::new().idempotency_key("rust-key");
        let params = event(json!([user, team]))?;
        let answer = logs.create_event_with_options(params, Some(&options)).await?;
        assert!(answer.success);
    }
    let refused = logs.create_event(event(json!([user]))?).await;
    assert!(matches!(&refused, Err(Error::Api(error)) if error.status == 400), "{refused:?}");

    let range = from_value(json!({"organization_id": ORGANIZATION,
        "range_start": "2026-01-01T00:00:00.000Z", "range_end": "2026-02-01T00:00:00.000Z"}))?;
    let export = logs.create_export(CreateExportParams::new(range)).await?;
    let export = logs.get_export(&export.id).await?;
    let url = export.url.ok_or("the export has no URL")?;
    let csv = reqwest::get(url).await?.text().await?;
    assert!(csv.contains("user_TF4C5938"), "{csv}");

    let days = Retention::PeriodInDays { retention_period_in_days: 365 };
    let body = UpdateOrganizationAuditLogsRetentionParamsBody::new(days);
    let params = UpdateOrganizationAuditLogsRetentionParams::new(body);
    logs.update_organization_audit_logs_retention(ORGANIZATION, params).await?;
    let retention = logs.get_organization_audit_logs_retention(ORGANIZATION).await?;
    assert_eq!(retention.retention_period_in_days, Some(365));
    Ok(())
}
