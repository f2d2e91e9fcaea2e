//! `/organizations/{id}/…`: retention and configuration.

use serde_json::json;

use super::super::journal::Record;
use super::super::lock::lock;
use super::super::organizations::parse_retention;
use super::super::refusal::Refusal;
use super::call::{Answer, Call};

/// `GET /organizations/{id}/audit_logs_retention`
pub(crate) fn retention(call: &Call<'_>) -> Result<Answer, Refusal> {
    let organization = known(call)?;
    let days = lock(&call.server.retentions).days(organization);
    Ok(Answer(200, json!({ "retention_period_in_days": days })))
}

/// `PUT /organizations/{id}/audit_logs_retention`
pub(crate) fn set_retention(call: &Call<'_>) -> Result<Answer, Refusal> {
    let organization = known(call)?;
    let days = parse_retention(&call.json()?)?;
    call.server.keep(&Record::Retention { organization: organization.into(), days })?;
    lock(&call.server.retentions).set(organization, days);
    Ok(Answer(200, json!({ "retention_period_in_days": days })))
}

/// `GET /organizations/{id}/audit_log_configuration`
pub(crate) fn configuration(call: &Call<'_>) -> Result<Answer, Refusal> {
    let organization = known(call)?;
    let days = lock(&call.server.retentions).days(organization);
    Ok(Answer(
        200,
        json!({
            "organization_id": organization,
            "retention_period_in_days": days,
            "state": "active",
        }),
    ))
}

fn known<'a>(call: &Call<'a>) -> Result<&'a str, Refusal> {
    let id = call.parameter;
    if call.server.settings.knows_organization(id) { Ok(id) } else { Err(Refusal::organization_not_found(id)) }
}
