//! What a schema demands: target types, and JSON Schemas for metadata.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// The body of create schema, understood.
#[derive(Debug)]
pub(crate) struct Definition {
    /// `targets`, and `actor` and `metadata` if there are any, as they were sent.
    source: Value,
    pub(crate) targets: Vec<TargetRule>,
    pub(crate) actor: Option<Validator>,
    pub(crate) metadata: Option<Validator>,
}

/// One entry of `targets`.
#[derive(Debug)]
pub(crate) struct TargetRule {
    pub(crate) kind: String,
    pub(crate) metadata: Option<Validator>,
}

/// Why a body is no definition: the member, the code of its fault, and words.
#[derive(Debug, PartialEq)]
pub(crate) struct Invalid {
    pub(crate) field: String,
    pub(crate) code: &'static str,
    pub(crate) problem: String,
}

impl Definition {
    /// Reads the body of create schema.
    pub(crate) fn parse(body: &Value) -> Result<Self, Invalid> {
        let Some(body) = body.as_object() else {
            return Err(invalid("targets", "required", "must be an array"));
        };
        let mut source = Map::new();
        let rules = match body.get("targets") {
            None | Some(Value::Null) => {
                return Err(invalid("targets", "required", "must be an array"));
            }
            Some(Value::Array(rules)) if rules.is_empty() => {
                return Err(invalid("targets", "min_items", "must have at least one target"));
            }
            Some(Value::Array(rules)) => rules,
            Some(_) => return Err(invalid("targets", "invalid_type", "must be an array")),
        };
        let mut targets = Vec::new();
        let mut kept = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            let (target, source) = target(rule, &format!("targets.{index}"))?;
            targets.push(target);
            kept.push(source);
        }
        source.insert("targets".into(), Value::Array(kept));
        let actor = actor(body, &mut source)?;
        let metadata = match member(body, "metadata", "metadata")? {
            None => None,
            Some(schema) => {
                source.insert("metadata".into(), schema.clone());
                Some(compile(schema, "metadata")?)
            }
        };
        Ok(Self { source: Value::Object(source), targets, actor, metadata })
    }

    /// A definition that names these target types and demands nothing else.
    pub(crate) fn of_types<'a>(types: impl IntoIterator<Item = &'a str>) -> Self {
        let targets: Vec<TargetRule> =
            types.into_iter().map(|kind| TargetRule { kind: kind.to_owned(), metadata: None }).collect();
        let source: Vec<Value> = targets.iter().map(|t| json!({ "type": t.kind })).collect();
        Self { source: json!({ "targets": source }), targets, actor: None, metadata: None }
    }

    /// As it was sent, without members that WorkOS does not know.
    pub(crate) fn json(&self) -> &Value {
        &self.source
    }

    /// Whether both demand the same.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.source == other.source
    }

    /// The target types, each of which an event must have.
    pub(crate) fn target_types(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().map(|target| target.kind.as_str())
    }

    /// Whether the type is one of them.
    pub(crate) fn has_target(&self, kind: &str) -> bool {
        self.target_types().any(|known| known == kind)
    }
}

fn target(rule: &Value, path: &str) -> Result<(TargetRule, Value), Invalid> {
    let Some(rule) = rule.as_object() else {
        return Err(invalid(path, "invalid_type", "must be an object"));
    };
    let kind = match rule.get("type") {
        Some(Value::String(kind)) => kind,
        None | Some(Value::Null) => {
            return Err(invalid(format!("{path}.type"), "required", "must be a string"));
        }
        Some(_) => {
            return Err(invalid(format!("{path}.type"), "invalid_type", "must be a string"));
        }
    };
    let mut source = json!({ "type": kind });
    let field = format!("{path}.metadata");
    let metadata = match member(rule, "metadata", &field)? {
        None => None,
        Some(schema) => {
            source["metadata"] = schema.clone();
            Some(compile(schema, &field)?)
        }
    };
    let rule = TargetRule { kind: kind.clone(), metadata };
    Ok((rule, source))
}

fn actor(body: &Map<String, Value>, source: &mut Map<String, Value>) -> Result<Option<Validator>, Invalid> {
    let Some(actor) = member(body, "actor", "actor")? else {
        return Ok(None);
    };
    let schema = match actor.get("metadata") {
        Some(schema @ Value::Object(_)) => schema,
        Some(Value::Null) | None => {
            return Err(invalid("actor.metadata", "required", "must be an object"));
        }
        Some(_) => {
            return Err(invalid("actor.metadata", "invalid_type", "must be an object"));
        }
    };
    source.insert("actor".into(), json!({ "metadata": schema }));
    compile(schema, "actor.metadata").map(Some)
}

/// An optional member that must be an object.
fn member<'a>(parent: &'a Map<String, Value>, name: &str, field: &str) -> Result<Option<&'a Value>, Invalid> {
    match parent.get(name) {
        None => Ok(None),
        Some(value @ Value::Object(_)) => Ok(Some(value)),
        Some(_) => Err(invalid(field, "invalid_type", "must be an object")),
    }
}

/// Compiles a JSON Schema. Nothing is fetched: a reference must point into the schema itself.
fn compile(schema: &Value, field: &str) -> Result<Validator, Invalid> {
    jsonschema::options()
        .with_draft(Draft::Draft7)
        .build(schema)
        .map_err(|error| invalid(field, "invalid_schema", format!("is not a JSON Schema: {error}")))
}

fn invalid(field: impl Into<String>, code: &'static str, problem: impl Into<String>) -> Invalid {
    Invalid { field: field.into(), code, problem: problem.into() }
}
