//! `/audit_logs/actions` and the schemas of each.

use serde_json::json;

use super::super::lock::lock;
use super::super::pages::{Query, page};
use super::super::refusal::Refusal;
use super::super::schemas::Definition;
use super::call::{Answer, Call};

/// `GET /audit_logs/actions`
pub(crate) fn list(call: &Call<'_>) -> Result<Answer, Refusal> {
    let query = Query::parse(call.query)?;
    let registry = lock(&call.server.registry);
    page(registry.actions(), &query).map(|page| Answer(200, page))
}

/// `GET /audit_logs/actions/{actionName}/schemas`
pub(crate) fn schemas(call: &Call<'_>) -> Result<Answer, Refusal> {
    let query = Query::parse(call.query)?;
    let registry = lock(&call.server.registry);
    let Some(action) = registry.action(call.parameter) else {
        let name = call.parameter;
        return Err(Refusal::message(404, format!("Audit Log action not found: '{name}'.")).because(
            format!("the action `{name}` is not registered"),
            "Create its first schema with a POST to this path.",
        ));
    };
    page(action.versions.clone(), &query).map(|page| Answer(200, page))
}

/// `POST /audit_logs/actions/{actionName}/schemas`
pub(crate) fn create_schema(call: &Call<'_>) -> Result<Answer, Refusal> {
    let definition = Definition::parse(&call.json()?).map_err(|invalid| {
        let (field, problem) = (&invalid.field, &invalid.problem);
        Refusal {
            body: json!({
                "message": format!("Validation failed: {field} {problem}."),
                "errors": [{ "code": invalid.code, "field": field }],
            }),
            ..Refusal::message(422, format!("`{field}` {problem}"))
        }
    })?;
    let schema = call.server.register(call.parameter, definition)?;
    Ok(Answer(201, schema))
}
