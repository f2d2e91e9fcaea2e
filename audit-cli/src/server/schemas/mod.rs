//! Actions and their schemas: which there are, and whether an event fits.

mod check;
mod definition;
mod file;

pub(crate) use definition::Definition;
pub(crate) use file::read as read_file;

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::clock::iso;
use super::ids;
use super::pages::Listed;
use super::readings::Readings;
use super::refusal::Refusal;

/// One version of an action's schema. It never changes.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) id: String,
    pub(crate) version: u64,
    pub(crate) definition: Definition,
    pub(crate) created_at: Timestamp,
}

/// An action with its schemas.
#[derive(Debug)]
pub(crate) struct Action {
    pub(crate) id: String,
    /// The place in the order of creation, which times alone do not tell within a millisecond.
    sequence: u64,
    pub(crate) name: String,
    /// Oldest first, never empty.
    pub(crate) versions: Vec<Arc<Schema>>,
    /// It was not registered: its schema tells the target types seen so far and refuses nothing.
    pub(crate) learned: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// All actions.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    actions: HashMap<String, Action>,
    created: u64,
}

impl Registry {
    /// Registers a schema. Answers the version, and whether it is a new one.
    pub(crate) fn register(
        &mut self,
        name: &str,
        definition: Definition,
        at: Timestamp,
        readings: &Readings,
    ) -> (Arc<Schema>, bool) {
        let action = self.actions.get(name).filter(|action| !action.learned);
        let latest = action.and_then(|action| action.versions.last());
        if let Some(latest) = latest
            && readings.reuse_same_schema
            && latest.definition.same(&definition)
        {
            return (Arc::clone(latest), false);
        }
        let schema = Arc::new(Schema {
            id: ids::new("als_", at),
            version: latest.map_or(1, |latest| latest.version + 1),
            definition,
            created_at: at,
        });
        match self.actions.get_mut(name) {
            Some(action) if !action.learned => {
                action.versions.push(Arc::clone(&schema));
                action.updated_at = at;
            }
            // What was only learned gives way to what is registered.
            _ => self.insert(name, Arc::clone(&schema), false),
        }
        (schema, true)
    }

    fn insert(&mut self, name: &str, schema: Arc<Schema>, learned: bool) {
        let at = schema.created_at;
        self.created += 1;
        let action = Action {
            id: ids::new("ala_", at),
            sequence: self.created,
            name: name.to_owned(),
            versions: vec![schema],
            learned,
            created_at: at,
            updated_at: at,
        };
        self.actions.insert(name.to_owned(), action);
    }

    /// Whether the event fits its action's schema. An action that is not registered is learned
    /// from it or refused.
    pub(crate) fn check(
        &mut self,
        event: &Value,
        at: Timestamp,
        readings: &Readings,
        learn: bool,
    ) -> Result<(), Refusal> {
        let name = event["action"].as_str().unwrap_or_default();
        match self.actions.get(name) {
            Some(action) if !action.learned => check::check(action, event, readings),
            _ if !learn => Err(check::unregistered(name, readings)),
            known => {
                let before = known.and_then(|action| action.versions.last()).cloned();
                self.learn(name, event, before.as_deref(), at);
                Ok(())
            }
        }
    }

    fn learn(&mut self, name: &str, event: &Value, before: Option<&Schema>, at: Timestamp) {
        let targets = event["targets"].as_array().map(Vec::as_slice);
        let seen = targets.unwrap_or_default().iter();
        let mut types: Vec<&str> = seen.filter_map(|target| target["type"].as_str()).collect();
        types.sort_unstable();
        types.dedup();
        match before {
            None => {
                let schema = Schema {
                    id: ids::new("als_", at),
                    version: 1,
                    definition: Definition::of_types(types),
                    created_at: at,
                };
                self.insert(name, Arc::new(schema), true);
            }
            Some(before) => {
                types.retain(|kind| !before.definition.has_target(kind));
                if types.is_empty() {
                    return;
                }
                let known = before.definition.target_types().map(str::to_owned);
                let mut all: Vec<String> = known.collect();
                all.extend(types.into_iter().map(str::to_owned));
                let schema = Arc::new(Schema {
                    id: before.id.clone(),
                    version: before.version,
                    definition: Definition::of_types(all.iter().map(String::as_str)),
                    created_at: before.created_at,
                });
                if let Some(action) = self.actions.get_mut(name) {
                    action.versions = vec![schema];
                    action.updated_at = at;
                }
            }
        }
    }

    /// The action of this name.
    pub(crate) fn action(&self, name: &str) -> Option<&Action> {
        self.actions.get(name)
    }

    /// All actions, oldest first.
    pub(crate) fn actions(&self) -> Vec<&Action> {
        let mut actions: Vec<&Action> = self.actions.values().collect();
        actions.sort_by_key(|action| action.sequence);
        actions
    }
}

impl Schema {
    /// As WorkOS shows it (`AuditLogSchemaJson` of its API description).
    pub(crate) fn json(&self) -> Value {
        let mut json = self.definition.json().clone();
        json["object"] = json!("audit_log_schema");
        json["version"] = json!(self.version);
        json["created_at"] = json!(iso(self.created_at));
        json
    }
}

impl Action {
    /// As WorkOS shows it (`AuditLogActionJson` of its API description).
    pub(crate) fn json(&self) -> Value {
        json!({
            "object": "audit_log_action",
            "name": self.name,
            "schema": self.versions.last().map(Listed::json),
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
        })
    }
}

impl Listed for &Action {
    fn id(&self) -> &str {
        &self.id
    }

    fn json(&self) -> Value {
        Action::json(self)
    }
}

impl Listed for Arc<Schema> {
    fn id(&self) -> &str {
        &self.id
    }

    fn json(&self) -> Value {
        Schema::json(self)
    }
}

#[cfg(test)]
mod tests;
