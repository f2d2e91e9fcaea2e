//! What a create-event request must look like, checked in the order WorkOS answers: is it JSON,
//! has it the right form (422), does it keep the limits (400).

mod ajv;
mod form;
mod limits;

pub(crate) use ajv::{AjvError, Verbose, refuse};

use serde_json::Value;

use super::readings::Readings;
use super::refusal::Refusal;

/// A request that has the right form and keeps the limits.
#[derive(Debug)]
pub(crate) struct ValidRequest {
    pub(crate) organization: String,
    /// The `event` object.
    pub(crate) event: Value,
}

/// Checks everything that can be told from the body alone.
pub(crate) fn check(body: &[u8], readings: &Readings) -> Result<ValidRequest, Refusal> {
    let value: Value = serde_json::from_slice(body).map_err(|error| {
        Refusal::message(400, format!("Request body is not valid JSON: {error}")).because(
            format!("the body is not JSON: {error}"),
            "Send one JSON object with `Content-Type: application/json`.",
        )
    })?;
    form::check(&value, readings)?;
    limits::check(&value["event"], readings)?;
    let Value::Object(mut members) = value else {
        return Err(form::not_an_object());
    };
    let organization = match members.remove("organization_id") {
        Some(Value::String(id)) => id,
        _ => return Err(form::not_an_object()),
    };
    Ok(ValidRequest { organization, event: members.remove("event").unwrap_or(Value::Null) })
}

#[cfg(test)]
mod tests;
