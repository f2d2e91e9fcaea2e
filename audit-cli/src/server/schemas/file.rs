//! Schemas from a file, for `--schemas FILE`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::Definition;

/// Reads a file with one schema or a list of them: each is the body of create schema with its
/// action's name as `action`.
pub(crate) fn read(path: &Path) -> Result<Vec<(String, Definition)>, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let value: Value = serde_json::from_str(&text).map_err(|e| format!("is not JSON: {e}"))?;
    let schemas = match value {
        Value::Array(schemas) => schemas,
        one => vec![one],
    };
    let schemas = schemas.iter().enumerate();
    schemas.map(|(index, schema)| one(schema, index)).collect()
}

fn one(schema: &Value, index: usize) -> Result<(String, Definition), String> {
    let number = index + 1;
    let Some(action) = schema["action"].as_str() else {
        return Err(format!("schema {number} has no `action`, which must be a string"));
    };
    Definition::parse(schema).map(|definition| (action.to_owned(), definition)).map_err(|error| {
        let (field, problem) = (error.field, error.problem);
        format!("schema {number} (`{action}`): `{field}` {problem}")
    })
}
