//! Events as CSV. WorkOS does not publish its columns; these are this server's own.

use std::io::Write;

use serde_json::Value;

const COLUMNS: [&str; 12] = [
    "organization_id",
    "occurred_at",
    "action",
    "version",
    "actor_type",
    "actor_id",
    "actor_name",
    "actor_metadata",
    "targets",
    "location",
    "user_agent",
    "metadata",
];

/// Writes events as rows. Values are as they were sent: a spreadsheet may take one that begins
/// with `=` for a formula.
pub(crate) struct Table<W: Write>(csv::Writer<W>);

impl<W: Write> Table<W> {
    /// Writes the header line.
    pub(crate) fn new(out: W) -> csv::Result<Self> {
        let mut table = csv::Writer::from_writer(out);
        table.write_record(COLUMNS)?;
        Ok(Self(table))
    }

    /// Writes the event of a create-event request.
    pub(crate) fn row(&mut self, request: &Value) -> csv::Result<()> {
        let event = &request["event"];
        let (actor, context) = (&event["actor"], &event["context"]);
        self.0.write_record([
            text(&request["organization_id"]),
            text(&event["occurred_at"]),
            text(&event["action"]),
            text(&event["version"]),
            text(&actor["type"]),
            text(&actor["id"]),
            text(&actor["name"]),
            text(&actor["metadata"]),
            text(&event["targets"]),
            text(&context["location"]),
            text(&context["user_agent"]),
            text(&event["metadata"]),
        ])
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> csv::Result<()> {
        self.0.flush()?;
        Ok(())
    }
}

/// A string as it is, nothing for what is absent, JSON for the rest.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn hostile_values_stay_in_their_cells() {
        let request = json!({"organization_id": "org_1", "event": {"action": "a,\"b\"\r\n",
            "actor": {"name": "=1+1"}, "targets": [{"type": "t"}]}});
        let mut out = Vec::new();
        let mut table = Table::new(&mut out).unwrap();
        table.row(&request).unwrap();
        table.finish().unwrap();
        let mut reader = csv::Reader::from_reader(&out[..]);
        assert_eq!(reader.headers().unwrap().len(), COLUMNS.len());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 1);
        assert_eq!(&rows[0][2], "a,\"b\"\r\n");
        assert_eq!(&rows[0][6], "=1+1");
        assert_eq!(&rows[0][8], r#"[{"type":"t"}]"#);
    }
}
